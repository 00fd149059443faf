"""Operational gates: a candidate is measured in the server that will serve it, and judged there."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.model_package import load_package
from slipway.adapters.platforms.batch.candidate import boot as boot_batch
from slipway.adapters.platforms.local.candidate import boot as boot_local
from slipway.records.verdicts import Verdict
from slipway.spec.deployment import Verify
from slipway.spec.operational import Operational
from slipway.spec.warnings import model_warnings
from slipway.stages.report.gate_figures import operational_sections
from slipway.stages.rollout.candidate_verdict import judge_candidate
from slipway.stages.rollout.platform import Candidate
from slipway.stages.rollout.replay import Replay, ReplayResult
from slipway.stages.rollout.verify import size_mib
from slipway.wiring.batch_candidate import command
from tests.support import ferry_dataset
from tests.support.rollout_env import RolloutEnv
from tests.support.training_env import TrainingEnv

ROWS = ferry_dataset.crossings(days=3)
SMALL = {"name": "sklearn.linear_model.LogisticRegression", "params": {}}
LARGE = {
    "name": "sklearn.ensemble.RandomForestClassifier",
    "params": {"n_estimators": 100, "min_samples_leaf": 1},
}


def _trained(folder: Path, estimator: dict[str, Any]) -> Path:
    """The folder of a version that was trained by the stages."""
    env = TrainingEnv.in_memory(folder)
    value = env.spec.model_dump() | {"estimator": estimator}
    env.spec = type(env.spec).model_validate(value)
    env.land(ferry_dataset.crossings(days=60))
    request = env.ask()
    env.snapshot(request)
    evidence = env.train(request).verdict.evidence
    return env.tracking.download(
        evidence["model_uri"], folder / "version", sha256=evidence["manifest_sha256"]
    )


@contextmanager
def _candidate(platform: str, folder: Path) -> Iterator[Candidate]:
    if platform == "batch":
        with boot_batch(command(folder), "ferry_delay", 3) as answering:
            yield answering
    else:
        with boot_local(
            "ferry_delay", version=3, folder=folder, pii_key_file=None, trusted_keys=None
        ) as serving:
            yield serving


def _measured(platform: str, folder: Path) -> ReplayResult:
    with _candidate(platform, folder) as candidate:
        replay = Replay(ROWS.head(60), load_package(folder), ferry_dataset.dataset())
        return replace(replay.run(candidate), size_mib=size_mib(folder))


def _judge(measured: ReplayResult, *, is_urgent: bool = False, **limits: float) -> Verdict:
    gates = Operational.model_validate(limits)
    return judge_candidate(
        measured, None, Verify(max_p99_ms=60_000), limits=gates, version=3, is_urgent=is_urgent
    )


@pytest.mark.parametrize("platform", ["local", "batch"])
def test_a_large_version_is_stopped_where_a_small_one_passes(tmp_path: Path, platform: str) -> None:
    """A forest of 100 deep trees beside a line, each in a server of its own."""
    small = _measured(platform, _trained(tmp_path / "small", SMALL))
    large = _measured(platform, _trained(tmp_path / "large", LARGE))
    limits = {"max_size_mib": 2.0}
    passed = _judge(small, **limits, min_rows_per_second=small.rows_per_second / 2)
    assert passed.action == "verified", passed.reason
    assert f"{small.size_mib:.1f} MiB of files" in passed.reason
    stopped = _judge(large, **limits, min_rows_per_second=large.rows_per_second * 2)
    assert stopped.action == "refused"
    assert f"its size is {large.size_mib:,.1f} MiB (2 are allowed)" in stopped.reason
    assert f"it answers {large.rows_per_second:,.0f} rows per second" in stopped.reason
    for one in (small, large):
        assert one.resident_mib > 50
        assert one.cold_start_s > 0
        assert one.numbers()["size_mib"] == one.size_mib
    way_back = _judge(large, is_urgent=True, **limits)
    assert way_back.action == "verified"


GOOD = ReplayResult(
    rows=20,
    rows_with_nulls=4,
    max_difference=0.0,
    p99_ms=5.0,
    cold_start_s=3.0,
    resident_mib=200.0,
    accepted=(),
    rows_per_second=900.0,
    size_mib=4.0,
)


@pytest.mark.parametrize(
    ("limit", "bar", "bad", "told"),
    [
        ("max_p99_ms", 20.0, {"p99_ms": 31.0}, "its p99 is 31 ms (20 are allowed)"),
        ("max_memory_mib", 256, {"resident_mib": 300.5}, "its memory is 300.5 MiB (256 are"),
        ("max_memory_mib", 256, {"resident_mib": 0.0}, "its memory is not known"),
        ("max_size_mib", 5, {"size_mib": 70.0}, "its size is 70.0 MiB (5 are allowed)"),
        ("max_cold_start_s", 10, {"cold_start_s": 14.0}, "it is ready after 14.0 s (10 are"),
        ("min_rows_per_second", 500, {"rows_per_second": 90.0}, "it answers 90 rows per second"),
        ("min_rows_per_second", 500, {"rows_per_second": 0.0}, "is not known"),
    ],
)
def test_each_limit_refuses_with_the_figure_and_itself(
    limit: str, bar: float, bad: dict[str, float], told: str
) -> None:
    """A figure that is not known is refused, too."""
    assert _judge(GOOD, **{limit: float(bar)}).action == "verified"
    refused = _judge(replace(GOOD, **bad), **{limit: float(bar)})
    assert refused.action == "refused"
    assert told in refused.reason


def test_a_limit_of_latency_takes_the_place_of_that_of_every_candidate() -> None:
    """It may be lower, or higher."""
    slow = replace(GOOD, p99_ms=1500.0)
    gates = Operational(max_p99_ms=2000.0)
    usual = judge_candidate(slow, None, Verify(), version=3, is_urgent=False)
    own = judge_candidate(slow, None, Verify(), limits=gates, version=3, is_urgent=False)
    assert (usual.action, own.action) == ("refused", "verified")


def test_the_rollout_judges_by_the_gates_of_the_spec() -> None:
    """The verdict has what was measured, and the challenger takes no traffic."""
    env = RolloutEnv()
    gates = {"metrics": {"roc_auc": {"threshold": 0.5}}, "operational": {"max_memory_mib": 64.0}}
    env.spec = type(env.spec).model_validate(env.spec.model_dump() | {"gates": gates})
    env.registry.aliases["challenger"] = 3
    verdict = env.verify(env.reconcile().ref.run).verdict
    assert verdict.action == "refused"
    assert "its memory is 100.0 MiB (64 are allowed)" in verdict.reason
    assert verdict.numbers["resident_mib"] == 100.0
    assert float(verdict.numbers["size_mib"] or 0) > 0
    limits = env.spec.gates
    [section] = operational_sections(verdict.numbers, limits, run="rollout-000001")
    assert section.title == "In its server, measured by rollout-000001"
    assert section.table is not None
    row = ("resident memory of its process, in MiB", "100", "at most 64")
    assert row in section.table.rows


def test_limits_that_never_refuse_are_warned_of() -> None:
    """A cold start that the cluster does not wait for, and a share above all shares."""
    value = RolloutEnv().spec.model_dump()
    value["deployment"] = {"target": "kubernetes", "kubernetes": {"image": "server:1"}}
    value["gates"] = {
        "metrics": {"roc_auc": {"threshold": 0.5}},
        "sanity": {"duplicates": 1.0},
        "operational": {"max_cold_start_s": 300.0},
    }
    told = list(model_warnings(type(RolloutEnv().spec).model_validate(value), None))
    assert any(one.startswith("gates.sanity.duplicates: never refuses") for one in told)
    assert any(one.startswith("gates.operational.max_cold_start_s: never ref") for one in told)
