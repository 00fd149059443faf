"""Sanity gates: mistakes of data and split are refused, and honest models pass."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.adapters.model_package import load_package
from slipway.records.verdicts import Verdict
from slipway.spec.gates import Gates
from slipway.stages.model.labelled_rows import Snapshot
from slipway.stages.train.comparison import Comparison
from slipway.stages.train.gates import gate
from slipway.wiring.gate_tools import gate_tools
from tests.support import ferry_dataset
from tests.support.training_env import TrainingEnv, spec

DAY = timedelta(days=1)


AT_RANDOM = {"split": "random", "min_rows": 500}


ANY = {"roc_auc": {"threshold": 0.55, "compare": "point"}}


def _gates(**sanity: Any) -> dict[str, Any]:
    return {"min_holdout_rows": 100, "metrics": ANY, "sanity": sanity}


def _judge(
    folder: Path,
    change: Callable[[pd.DataFrame], pd.DataFrame] = lambda rows: rows,
    *,
    training: dict[str, Any] | None = None,
    **sanity: Any,
) -> Verdict:
    """Verdict on a first model of sixty days of crossings, after a change to them."""
    env = TrainingEnv.in_memory(folder)
    more = {} if training is None else {"training": training}
    env.spec = spec(gates=_gates(**sanity), **more)
    rows = change(ferry_dataset.crossings(days=60))
    ferry_dataset.publish(env.tables, rows, labels=rows)
    return env.until_gate(env.ask()).verdict


def _tells_all(rows: pd.DataFrame) -> pd.DataFrame:
    """Wind that is measured once the ferry is late."""
    random = np.random.default_rng(3)
    return rows.assign(wind=rows["late"] * 10 + random.random(len(rows)))


def _is_the_label(rows: pd.DataFrame) -> pd.DataFrame:
    """A port that says whether the ferry was late, and is wrong in one of 300 rows."""
    wrong = np.arange(len(rows)) % 300 == 0
    return rows.assign(port=np.where((rows["late"] == 1) ^ wrong, "Oban", "Mallaig"))


def _delivered_twice(rows: pd.DataFrame) -> pd.DataFrame:
    """Each crossing under a second number."""
    again = rows.assign(crossing="again-" + rows["crossing"])
    return pd.concat([rows, again], ignore_index=True)


@pytest.mark.parametrize("training", [None, AT_RANDOM])
def test_an_honest_model_passes_with_every_sanity_gate_on(
    tmp_path: Path, training: dict[str, Any] | None
) -> None:
    """By time and at random; the numbers are in the verdict."""
    verdict = _judge(tmp_path, training=training)
    assert verdict.action == "promote", verdict.reason
    numbers = verdict.numbers
    assert 0.55 < float(numbers["single_feature"] or 0) < 0.8
    assert numbers["single_feature.column"] == "wind"
    assert float(numbers["renamed_label"] or 0) < 0.7
    assert numbers["duplicates.share"] == 0
    assert numbers["split.training_rows"] == numbers["split.training_rows_recorded"]
    assert numbers["split.training_rows_not_older"] == numbers["split.shared_keys"] == 0


def test_a_column_that_tells_all_of_the_target_is_named(tmp_path: Path) -> None:
    """With what it ranks right, and what to do."""
    verdict = _judge(tmp_path, _tells_all)
    assert verdict.action == "refuse"
    assert (
        "the column wind alone tells the target as well as the whole model: it ranks 100.00% right"
        in verdict.reason
    )
    assert "`gates.sanity.known_columns`" in verdict.reason


def test_a_column_that_is_known_may_tell_the_target(tmp_path: Path) -> None:
    """The spec names it; the others are still judged."""
    verdict = _judge(tmp_path, _tells_all, known_columns=["wind"])
    assert verdict.action == "promote", verdict.reason
    assert verdict.numbers["single_feature.column"] == "port"


def test_a_renamed_label_is_named(tmp_path: Path) -> None:
    """In other words, and with a few rows that differ: as little as no single column tells."""
    verdict = _judge(tmp_path, _is_the_label)
    assert verdict.action == "refuse"
    assert "the column port is the target under another name" in verdict.reason
    assert "alone tells" not in verdict.reason
    assert _judge(tmp_path / "off", _is_the_label, renamed_label=False).action == "promote"


def test_rows_that_stand_on_both_sides_of_the_split_are_counted(tmp_path: Path) -> None:
    """A random split draws by key, and each crossing has two."""
    verdict = _judge(tmp_path, _delivered_twice, training=AT_RANDOM)
    assert verdict.action == "refuse"
    share = float(verdict.numbers["duplicates.share"] or 0)
    assert share == pytest.approx(0.8, abs=0.05)
    assert f"{share:.1%} of the holdout rows stand among the training rows" in verdict.reason
    passes = _judge(tmp_path / "off", _delivered_twice, training=AT_RANDOM, duplicates=False)
    assert passes.action == "promote"


@pytest.fixture
def trained(tmp_path: Path) -> tuple[TrainingEnv, Snapshot, Any]:
    """A trained model, its snapshot, and the loaded version."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    request = env.ask()
    pins = Snapshot.from_numbers(env.snapshot(request).verdict.numbers)
    evidence = env.train(request).verdict.evidence
    folder = env.tracking.download(
        evidence["model_uri"], tmp_path / "version", sha256=evidence["manifest_sha256"]
    )
    return env, pins, load_package(folder)


def _compared(trained: tuple[TrainingEnv, Snapshot, Any], **facts: Any) -> Verdict:
    """Verdict on the version with other facts in its manifest."""
    env, pins, package = trained
    contest = Comparison(env.spec, env.dataset, env.tables, gate_tools())
    told = replace(package, manifest={**package.manifest, **facts})
    return gate(env.spec.gates, contest.compare(pins, told, None, version=None).numbers)


def test_a_version_whose_training_rows_are_not_found_again_is_refused(
    trained: tuple[TrainingEnv, Snapshot, Any],
) -> None:
    """It says that its training ended ten days before it did, so it has seen its holdout."""
    assert _compared(trained).action == "promote"
    end = pd.Timestamp(trained[2].manifest["training_end"]) - 10 * DAY
    verdict = _compared(trained, training_end=end.isoformat(), holdout_start=end.isoformat())
    assert verdict.action == "refuse"
    assert "the version records 1,999 training rows, and 1,599 lie in their time" in verdict.reason


def test_training_rows_as_new_as_the_holdout_and_shared_keys_are_refused() -> None:
    """Whatever else holds; the counts are in the reason."""
    numbers = {
        "rows": 900,
        "champion.version": None,
        "challenger.roc_auc": 0.7,
        "constant.roc_auc": 0.5,
        "split.training_rows_not_older": 31,
        "split.shared_keys": 7,
    }
    off = {"single_feature": False, "renamed_label": False, "duplicates": False}
    gates = Gates.model_validate({"metrics": {"roc_auc": {}}, "sanity": off})
    verdict = gate(gates, numbers)
    assert verdict.action == "refuse"
    assert "31 training rows are not older than the holdout's first row" in verdict.reason
    assert "7 holdout rows have a key that stands among the training rows" in verdict.reason


def test_beside_a_champion_a_challenger_has_to_beat_a_constant_too(tmp_path: Path) -> None:
    """It may be worse than the champion by the spec, but not worse than no model."""
    env = TrainingEnv.in_memory(tmp_path)
    env.land(ferry_dataset.crossings(days=60))
    env.champion()
    later = ferry_dataset.START + 60 * DAY
    rows = ferry_dataset.crossings(days=60, start=later)
    learnt = rows["departs"] < rows["departs"].max() - 25 * DAY
    turned = rows.assign(late=rows["late"].where(~learnt, 1 - rows["late"]))
    ferry_dataset.publish(env.tables, rows, labels=turned)
    worse = {"roc_auc": {"compare": "not_worse", "margin": 0.9}}
    training = {"holdout_days": 25, "window_days": 30, "min_rows": 500}
    for unique, floor, action in (("second", True, "refuse"), ("third", False, "promote")):
        gates = _gates(constant_floor=floor) | {"metrics": worse}
        env.spec = spec(training=training, gates=gates)
        verdict = env.until_gate(env.ask(unique)).verdict
        assert verdict.action == action, verdict.reason
        assert ("is no better than the constant model's 0.5000" in verdict.reason) is floor


def test_what_was_not_measured_decides_nothing() -> None:
    """An evaluation without the numbers of a sanity gate is inconclusive, and names each."""
    numbers = {
        "rows": 900,
        "champion.version": None,
        "challenger.roc_auc": 0.7,
        "constant.roc_auc": 0.5,
    }
    metrics = {"roc_auc": {"threshold": 0.6}}
    verdict = gate(Gates.model_validate({"metrics": metrics}), numbers)
    assert verdict.action == "inconclusive"
    for one in ("single_feature", "renamed_label", "split", "duplicates"):
        assert f"`gates.sanity.{one}: false`" in verdict.reason
    off = Gates.model_validate({"metrics": metrics, "sanity": False})
    assert gate(off, numbers).action == "promote"
