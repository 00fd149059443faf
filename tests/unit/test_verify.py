"""Verification of a candidate: replayed rows, the request that carries them, and the verdict."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from slipway.spec.deployment import Verify
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.candidate_verdict import judge_candidate
from slipway.stages.rollout.replay import ReplayResult, recent_rows
from slipway.stages.rollout.v2_encode import encode_rows
from tests.fakes.rollout import FakeCandidate
from tests.support.rollout_env import DATASET, FeatureRows, RolloutEnv
from tests.support.row_identities import named_identity


def measured(**known: Any) -> ReplayResult:
    """A candidate without problems, with changes."""
    usual: dict[str, Any] = {
        "rows": 20,
        "rows_with_nulls": 4,
        "max_difference": 0.0,
        "p99_ms": 5.0,
        "cold_start_s": 3.0,
        "resident_mib": 200.0,
        "accepted": (),
    }
    return ReplayResult(**usual | known)


@pytest.mark.parametrize(
    ("known", "is_urgent", "action"),
    [
        ({}, False, "verified"),
        ({"max_difference": 1e-3}, False, "refused"),
        ({"max_difference": None}, False, "refused"),
        ({"accepted": ("NaN",)}, True, "refused"),
        ({"p99_ms": 5000.0}, False, "refused"),
        ({"p99_ms": 5000.0}, True, "verified"),
    ],
)
def test_what_is_verified(known: dict[str, Any], is_urgent: bool, action: str) -> None:  # noqa: FBT001
    """Difference, bad inputs and latency each refuse; latency does not stop a way back."""
    verdict = judge_candidate(measured(**known), None, Verify(), version=3, is_urgent=is_urgent)
    assert verdict.action == action
    assert "ersion 3" in verdict.reason


def test_replayed_rows_are_the_newest_and_some_have_gaps() -> None:
    """The newest rows are replayed, up to a fifth of them with a missing value."""
    rows = recent_rows(FeatureRows(), DATASET, rows=20)
    assert len(rows) == 20
    assert rows["origin"].isna().sum() == 4
    assert rows["at"].is_monotonic_increasing
    everything = recent_rows(FeatureRows(), DATASET, rows=500)
    assert len(everything) == 100


def test_rows_travel_as_a_client_sends_them() -> None:
    """Missing values become null, whole-number categories lose their point, times keep UTC."""
    rows = pd.DataFrame(
        {
            "id": ["a", "b"],
            "at": pd.to_datetime(["2013-01-01T00:00Z", "2013-01-02T00:00Z"]),
            "distance": pd.array([1, None], dtype="Int64"),
            "origin": [5.0, None],
        }
    )
    columns = [
        RawColumn("distance", "number", required=False),
        RawColumn("origin", "string", required=False),
    ]
    sent = {
        it["name"]: it["data"]
        for it in encode_rows(rows, columns, identity=named_identity("id", "at"))["inputs"]
    }
    assert sent == {
        "distance": [1.0, None],
        "origin": ["5", None],
        "id": ["a", "b"],
        "at": ["2013-01-01T00:00:00+00:00", "2013-01-02T00:00:00+00:00"],
    }


def test_the_reason_of_a_verified_version_has_its_difference() -> None:
    """The compared number, not a zero in its place."""
    verdict = judge_candidate(
        measured(max_difference=5e-8), None, Verify(), version=3, is_urgent=False
    )
    assert "(difference 5e-08, p99 5 ms)" in verdict.reason


@pytest.mark.parametrize(("seconds", "p99_ms"), [(0.004, 4.0), (1.5, 1500.0)])
def test_latency_is_measured_in_milliseconds(
    monkeypatch: pytest.MonkeyPatch, seconds: float, p99_ms: float
) -> None:
    """Answers that take some seconds have a p99 of a thousand times that number."""
    env = RolloutEnv()
    now = [0.0]
    monkeypatch.setattr("slipway.stages.rollout.replay.time.perf_counter", lambda: now[0])
    infer = FakeCandidate.infer

    def slow(self: FakeCandidate, body: dict[str, Any]) -> Any:
        now[0] += seconds
        return infer(self, body)

    monkeypatch.setattr(FakeCandidate, "infer", slow)
    env.registry.aliases["challenger"] = 3
    verdict = env.verify(env.reconcile().ref.run).verdict
    assert verdict.numbers["p99_ms"] == pytest.approx(p99_ms)
