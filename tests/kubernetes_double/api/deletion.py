"""Deletion of objects: at once, or after a grace period."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_DEFAULT_GRACE_SECONDS = 30


def mark_deleted(obj: dict[str, Any], grace_seconds: int | None) -> None:
    """Mark an object for deletion; a later mark may only shorten the grace period."""
    meta = obj["metadata"]
    seconds = _grace(obj, grace_seconds)
    if seconds >= meta.get("deletionGracePeriodSeconds", seconds + 1):
        return
    due = datetime.now(tz=UTC) + timedelta(seconds=seconds)
    meta["deletionTimestamp"] = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    meta["deletionGracePeriodSeconds"] = seconds


def _grace(obj: dict[str, Any], requested: int | None) -> int:
    """Grace period in seconds; 0 unless a node runs the pod."""
    if obj["kind"] != "Pod" or not obj["spec"].get("nodeName"):
        return 0
    if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if requested is not None:
        return requested
    return int(obj["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS))


def stays(obj: dict[str, Any]) -> bool:
    """Whether a node still keeps a marked object."""
    return bool(obj["metadata"].get("deletionGracePeriodSeconds"))
