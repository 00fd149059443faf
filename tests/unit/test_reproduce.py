"""`slipway reproduce`: a version is built again from its records, and compared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from slipway.adapters.model_package.learner import SklearnLearner
from slipway.errors import BadParameter, NotComputable, Tampered
from slipway.records.store import read_json
from slipway.stages.model.personal_keys import PersonalKeys
from slipway.stages.reproduce.differences import compare_manifests
from slipway.stages.reproduce.reproduce import RebuildTools, Reproduction, judge, reproduce
from slipway.stages.reproduce.same_predictions import compare_predictions
from tests.fakes.kill_points import KillableProxy, KillPoint
from tests.fakes.memory_tables import MemoryTables
from tests.support import ferry_dataset
from tests.support.environments import WRITES
from tests.support.training_env import CODE, TrainingEnv, spec

TRAINED = "runs/ferry_delay/request-000001/train"


@pytest.fixture
def env(tmp_path: Path) -> TrainingEnv:
    """A champion, version 1, trained on sixty days of crossings."""
    made = TrainingEnv.in_memory(tmp_path)
    made.land(ferry_dataset.crossings(days=60))
    made.champion()
    return made


def rebuild(env: TrainingEnv, told: list[str] | None = None) -> Reproduction:
    """Version 1, built again without a write to registry, runs or store."""
    registry, store = (
        KillableProxy(one, KillPoint(0), writes=WRITES) for one in (env.registry, env.store)
    )
    tools = RebuildTools(
        store=store,  # type: ignore[arg-type]
        registry=registry,  # type: ignore[arg-type]
        tables=env.tables,
        make_learner=lambda *what: SklearnLearner(*what, env.keys),
        load=env.load,
        code=env.code,
        tell=(told if told is not None else []).append,
    )
    return reproduce(env.registry.version("ferry_delay", 1), tools)


def test_a_version_is_built_again_with_identical_predictions(env: TrainingEnv) -> None:
    """On the rows of its own holdout; later deliveries and specs change nothing."""
    held_out = read_json(env.store, f"{TRAINED}/record.json")["verdict"]["numbers"]["holdout_rows"]
    later = ferry_dataset.crossings(days=90, seed=3)
    env.land(later)
    env.spec = spec(training={"holdout_days": 3, "min_rows": 500, "seed": 9})
    told: list[str] = []
    done = rebuild(env, told)
    assert done.verdict.action == "reproduced"
    numbers = done.verdict.numbers
    assert numbers["rows"] == held_out
    assert (numbers["largest_difference"], numbers["mean_difference"]) == (0.0, 0.0)
    assert numbers["tolerance"] == 1e-6
    assert "slipway/model.onnx" in done.difference.identical
    assert "slipway/reference.parquet" in done.difference.identical
    assert set(done.difference.differing) == {"MLmodel", "model.skops"}
    assert (done.difference.facts, done.difference.environment) == ((), {})
    assert numbers["manifest_identical"] is False
    assert [step.split()[0] for step in told] == [
        *("downloading", "reading", "fitting", "writing", "comparing")
    ]


@pytest.mark.parametrize(
    "training",
    [
        {"holdout_days": 10},
        {"holdout_days": 10, "window_days": 30},
        {"split": "random", "holdout_share": 0.25},
    ],
)
def test_a_refit_is_built_again_from_all_rows(tmp_path: Path, training: dict[str, Any]) -> None:
    """It is compared on the holdout of the judged model, and its manifest is the same again."""
    env = TrainingEnv.in_memory(tmp_path)
    env.spec = spec(training={**training, "min_rows": 500, "ship": "refit"})
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    held_out = read_json(env.store, f"{TRAINED}/record.json")["verdict"]["numbers"]["holdout_rows"]
    done = rebuild(env)
    assert done.verdict.action == "reproduced"
    assert done.verdict.numbers["rows"] == held_out
    assert done.verdict.numbers["largest_difference"] == 0.0
    assert (done.difference.facts, done.difference.environment) == ((), {})


def test_other_code_is_told(env: TrainingEnv) -> None:
    """Commit and lock then and here; the same predictions reproduce it all the same."""
    env.code = replace(CODE, git_commit="dead10cc", lock_sha256="10c5")
    done = rebuild(env)
    assert done.verdict.action == "reproduced"
    assert done.difference.environment == {
        "git_commit": ("c0ffee", "dead10cc"),
        "lock_sha256": ("10c4", "10c5"),
    }
    assert "git_commit, lock_sha256 differs from the training" in done.verdict.reason
    assert done.to_json()["environment"]["git_commit"] == {
        "training": "c0ffee",
        "here": "dead10cc",
    }


def test_changed_rows_of_a_pinned_version_differ(env: TrainingEnv) -> None:
    """Predictions beyond the tolerance are a verdict, with how far they are apart."""
    env.tables = MemoryTables()
    rows = ferry_dataset.crossings(days=60)
    env.land(rows.assign(late=1 - rows["late"]))
    done = rebuild(env)
    assert done.verdict.action == "differs"
    assert done.verdict.numbers["largest_difference"] > 0.1  # type: ignore[operator]
    assert "beyond the tolerance 1e-06" in done.verdict.reason


def test_what_is_missing_is_named(env: TrainingEnv) -> None:
    """A version of a table, the specs, a record: each is said, with where it was."""
    tables, env.tables = env.tables, MemoryTables()
    with pytest.raises(NotComputable, match="cannot be built again: ") as missing:
        rebuild(env)
    assert "commit c0ffee" in str(missing.value)
    env.tables = tables
    env.store.delete(f"{TRAINED}/specs-0001.json")
    with pytest.raises(NotComputable, match="the specs of version 1 of ferry_delay are gone"):
        rebuild(env)
    env.store.write(f"{TRAINED}/specs-0001.json", b"{}")
    with pytest.raises(Tampered, match="differ from those that it was trained by"):
        rebuild(env)
    env.store.delete(f"{TRAINED}/record.json")
    with pytest.raises(NotComputable, match="a record of version 1 of ferry_delay is missing"):
        rebuild(env)


def test_a_version_from_elsewhere_is_reproduced_there(env: TrainingEnv) -> None:
    """Its tables are not here; the error names where it came from."""
    known = env.registry.version("ferry_delay", 1)
    tags = {**known.tags, "slipway.source.registry": "staging", "slipway.source.version": "4"}
    env.registry.versions["ferry_delay"] = [  # type: ignore[attr-defined]
        replace(known, run_key="ferry_delay/copy-0123456789ab", tags=tags)
    ]
    with pytest.raises(NotComputable, match="was not trained here") as error:
        rebuild(env)
    assert "version 4 of staging" in str(error.value)


def test_predictions_are_compared_as_engines_are() -> None:
    """Absolute below 1 and relative above; what is not finite or of another shape cannot be."""
    close = compare_predictions(np.array([0.5, 1000.0]), np.array([0.5, 1000.0005]))
    assert close.is_within_tolerance
    assert close.largest == pytest.approx(0.0005)
    assert not compare_predictions(np.array([0.5]), np.array([0.500002])).is_within_tolerance
    for other in (np.array([np.nan]), np.array([[0.5, 0.5]])):
        unknown = compare_predictions(np.array([0.5]), other)
        assert (unknown.largest, unknown.is_within_tolerance) == (None, False)
        difference = compare_manifests({"files": {}}, {"files": {}})
        assert judge("version 1 of a", unknown, difference, is_same=True).action == "differs"
    assert compare_predictions(np.empty(0), np.empty(0)).is_within_tolerance is False


def test_manifests_are_compared_by_file_and_by_entry() -> None:
    """Durations do not count; interpreter and libraries are the environment."""
    ours = {"files": {"a": "1", "b": "2"}, "fit_seconds": 1, "seed": 1, "runtime": {"CPython": "3"}}
    theirs = {"files": {"a": "1", "c": "2"}, "fit_seconds": 2, "seed": 2, "runtime": {}}
    found = compare_manifests(ours, theirs)
    assert (found.identical, found.differing, found.facts) == (("a",), ("b", "c"), ("seed",))
    assert found.environment == {"CPython": ("3", "not recorded")}


@pytest.mark.parametrize(
    "search",
    [
        {"search": {"space": {"C": {"low": 0.001, "high": 10.0}}, "trials": 3, "folds": 2}},
        {"estimator": {"name": "auto"}, "search": {"folds": 2}},
    ],
)
def test_what_a_search_found_is_built_again_without_a_search(
    tmp_path: Path, search: dict[str, Any]
) -> None:
    """From the manifest, whose entries about the search are the same again."""
    env = TrainingEnv.in_memory(tmp_path)
    env.spec = spec(**search)
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    told: list[str] = []
    done = rebuild(env, told)
    assert done.verdict.action == "reproduced"
    assert done.verdict.numbers["largest_difference"] == 0.0
    assert (done.difference.facts, done.difference.environment) == ((), {})
    assert not any("search" in step for step in told)


def test_a_version_is_built_again_by_its_own_key_of_personal_columns(tmp_path: Path) -> None:
    """A rotation in between changes no hash; without the old key the rebuild stops."""
    made = TrainingEnv.in_memory(tmp_path)
    made.dataset = ferry_dataset.dataset(pii={"port": "hash"})
    old, new = b"a key of 20 bytes...", b"another key, newer.."
    made.keys = PersonalKeys((old,))
    made.land(ferry_dataset.crossings(days=60))
    made.champion()
    made.keys = PersonalKeys((old, new))
    done = rebuild(made)
    assert done.verdict.numbers["largest_difference"] == 0.0
    assert "slipway/model.onnx" in done.difference.identical
    assert done.difference.facts == ()
    made.keys = PersonalKeys((new,))
    with pytest.raises(BadParameter, match="the key to hash port is missing"):
        rebuild(made)
