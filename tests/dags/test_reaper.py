"""Which pods the reaper deletes: kept long enough, past their deadline, or without a task."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.orchestration.pods.reaper import ACTIVE_STATES, LeftoverPod, reason_to_delete

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def ago(minutes: float) -> str:
    """A time as the API writes it."""
    return (NOW - timedelta(minutes=minutes)).strftime("%Y-%m-%dT%H:%M:%SZ")


def pod(
    phase: str, *, minutes: float, ended: float | None = None, checked: bool = False
) -> LeftoverPod:
    """A pod that started some minutes ago, may run for an hour, and is kept for another."""
    state: dict[str, Any] = {"running": {}} if ended is None else {}
    if ended is not None:
        state = {"terminated": {"finishedAt": ago(ended)}}
    return LeftoverPod.from_json(
        {
            "metadata": {
                "name": "delay-train-1",
                "uid": "u1",
                "resourceVersion": "7",
                "creationTimestamp": ago(minutes),
                "labels": {"already_checked": "True"} if checked else {},
                "annotations": {
                    "slipway/kept-minutes": "60",
                    "slipway/origin": json.dumps({"dag_id": "delay__train"}),
                },
            },
            "spec": {"activeDeadlineSeconds": 3600},
            "status": {
                "phase": phase,
                "startTime": ago(minutes),
                "containerStatuses": [{"name": "base", "state": state}],
            },
        }
    )


def test_a_failed_pod_is_kept_for_its_time_and_then_goes() -> None:
    """The time counts from its end, not from its start."""
    kept = pod("Failed", minutes=500, ended=59, checked=True)
    assert reason_to_delete(kept, owner="failed", now=NOW) is None
    over = pod("Failed", minutes=500, ended=60, checked=True)
    assert reason_to_delete(over, owner="failed", now=NOW) == "it ended 60 minutes ago"


@pytest.mark.parametrize("owner", [None, "success", "failed"])
def test_a_completed_pod_that_its_task_left_goes_at_once(owner: str | None) -> None:
    """As that of a first try which the scheduler lost, once a retry has found its record."""
    left = pod("Succeeded", minutes=28, ended=27)
    reason = reason_to_delete(left, owner=owner, now=NOW)
    assert reason == "it succeeded 27 minutes ago, and no task waits for it"
    assert reason_to_delete(left, owner="deferred", now=NOW) is None


def test_a_pod_that_overruns_its_deadline_goes() -> None:
    """Its node may be lost and cannot end it."""
    reason = reason_to_delete(pod("Running", minutes=70), owner="failed", now=NOW)
    assert reason == "it has run for 70 minutes of 60 minutes allowed"


@pytest.mark.parametrize("phase", ["Pending", "Running", "Unknown"])
@pytest.mark.parametrize("owner", [None, "failed", "success", "skipped"])
def test_a_pod_without_a_waiting_task_goes(phase: str, owner: str | None) -> None:
    """After a delay, so that a task that is being marked can delete its pod itself."""
    assert reason_to_delete(pod(phase, minutes=14), owner=owner, now=NOW) is None
    reason = reason_to_delete(pod(phase, minutes=16), owner=owner, now=NOW)
    assert reason == f"no task waits for it (state of its task: {owner or 'unknown'})"


@pytest.mark.parametrize("owner", sorted(ACTIVE_STATES))
@pytest.mark.parametrize(
    "left",
    [
        pod("Running", minutes=500),
        pod("Pending", minutes=500),
        pod("Failed", minutes=500, ended=400),
    ],
)
def test_a_pod_whose_task_looks_after_it_stays(owner: str, left: LeftoverPod) -> None:
    """However old it is: the task decides."""
    assert reason_to_delete(left, owner=owner, now=NOW) is None


def test_a_pod_of_a_finished_try_has_no_owner() -> None:
    """The task's next try has a pod of its own."""
    left = pod("Failed", minutes=500, ended=400, checked=True)
    assert reason_to_delete(left, owner="deferred", now=NOW) == "it ended 400 minutes ago"


def test_a_pod_of_an_older_version_is_understood() -> None:
    """A pod without annotations is kept for an hour and has no owner."""
    bare = LeftoverPod.from_json(
        {
            "metadata": {
                "name": "x",
                "uid": "u",
                "resourceVersion": "1",
                "creationTimestamp": ago(90),
            },
            "status": {"phase": "Failed"},
        }
    )
    assert bare.origin == {}
    assert reason_to_delete(bare, owner=None, now=NOW) == "it ended 90 minutes ago"
