"""Decide which stage pods to delete: ended, overdue and orphaned ones.

A failed pod is kept for a while, for inspection. An orphaned pod is one whose task no longer
watches it, or does not exist. These functions send no request; `orchestration/reaper_dag.py` lists
and deletes the pods.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from slipway.orchestration.pods.shape import KEPT_MINUTES, ORIGIN

CHECKED = "already_checked"
ACTIVE_STATES = {
    *("scheduled", "queued", "running", "deferred", "restarting"),
    *("up_for_retry", "up_for_reschedule"),
}
"""States of a task that watches its pod, or will on a retry."""

ORPHANED_AFTER = timedelta(minutes=15)
"""Age from which a pod without a watching task counts as orphaned."""
DEADLINE_MARGIN = timedelta(minutes=5)
"""Time for Kubernetes to end a pod past its deadline, before the reaper deletes it."""
DEFAULT_KEPT_MINUTES = 60
"""Used for a pod without the annotation."""


@dataclass(frozen=True)
class LeftoverPod:
    """A pod of a stage, as the reaper judges it.

    Attributes:
        name: Name of the pod.
        uid: Distinguishes it from a later pod of the same name.
        version: Changes whenever the pod does.
        phase: Phase in Kubernetes: `Pending`, `Running`, `Succeeded`, `Failed` or `Unknown`.
        created: When it was created.
        started: When a node started it; None before that.
        ended: When its container ended; None before that.
        deadline: How long it may run; None: no limit.
        kept: How long it is kept after it failed.
        checked: Whether its task has handled its end.
        origin: The task that started it; empty: unknown.
    """

    name: str
    uid: str
    version: str
    phase: str
    created: datetime
    started: datetime | None
    ended: datetime | None
    deadline: timedelta | None
    kept: timedelta
    checked: bool
    origin: Mapping[str, Any]

    @classmethod
    def from_json(cls, pod: Mapping[str, Any]) -> LeftoverPod:
        """Parse a pod of the Kubernetes API."""
        metadata, status = pod["metadata"], pod.get("status") or {}
        annotations = metadata.get("annotations") or {}
        limit = (pod.get("spec") or {}).get("activeDeadlineSeconds")
        return cls(
            name=metadata["name"],
            uid=metadata["uid"],
            version=metadata["resourceVersion"],
            phase=status.get("phase", "Unknown"),
            created=datetime.fromisoformat(metadata["creationTimestamp"]),
            started=_time(status.get("startTime")),
            ended=_ended(status),
            deadline=None if limit is None else timedelta(seconds=limit),
            kept=timedelta(minutes=float(annotations.get(KEPT_MINUTES, DEFAULT_KEPT_MINUTES))),
            checked=(metadata.get("labels") or {}).get(CHECKED) == "True",
            origin=json.loads(annotations.get(ORIGIN, "{}")),
        )


def reason_to_delete(pod: LeftoverPod, *, owner: str | None, now: datetime) -> str | None:
    """Return the reason to delete a pod; None to keep it.

    Args:
        pod: The pod.
        owner: State of the task that started it; None: no such task.
        now: Wall time.
    """
    if owner in ACTIVE_STATES and not pod.checked:
        return None
    ago = now - (pod.ended or pod.started or pod.created)
    if pod.phase == "Succeeded":
        # Its result is in the store, and there is nothing to inspect.
        return f"it succeeded {_minutes(ago)} ago, and no task waits for it"
    if pod.phase == "Failed":
        return f"it ended {_minutes(ago)} ago" if ago >= pod.kept else None
    if pod.started and pod.deadline and now - pod.started > pod.deadline + DEADLINE_MARGIN:
        return f"it has run for {_minutes(now - pod.started)} of {_minutes(pod.deadline)} allowed"
    if now - pod.created > ORPHANED_AFTER:
        return f"no task waits for it (state of its task: {owner or 'unknown'})"
    return None


def _ended(status: Mapping[str, Any]) -> datetime | None:
    states = [one.get("state") or {} for one in status.get("containerStatuses") or ()]
    times = [_time((state.get("terminated") or {}).get("finishedAt")) for state in states]
    return max((one for one in times if one is not None), default=None)


def _time(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)


def _minutes(span: timedelta) -> str:
    return f"{span.total_seconds() / 60:.0f} minutes"
