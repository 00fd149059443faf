"""How an object goes: at once, after a grace period, or when its finalisers are off."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

_DEFAULT_GRACE_SECONDS = 30


def mark_deleted(obj: dict[str, Any], grace_seconds: int | None) -> None:
    """Write into an object that it shall go; a later mark may only bring that forward."""
    meta = obj["metadata"]
    seconds = _grace(obj, grace_seconds)
    if seconds >= meta.get("deletionGracePeriodSeconds", seconds + 1):
        return
    due = datetime.now(tz=UTC) + timedelta(seconds=seconds)
    meta["deletionTimestamp"] = due.strftime("%Y-%m-%dT%H:%M:%SZ")
    meta["deletionGracePeriodSeconds"] = seconds


def _grace(obj: dict[str, Any], asked: int | None) -> int:
    """Seconds until it may be taken away; only a pod that a node runs is waited for."""
    if obj["kind"] != "Pod" or not obj["spec"].get("nodeName"):
        return 0
    if obj.get("status", {}).get("phase") in ("Succeeded", "Failed"):
        return 0
    if asked is not None:
        return asked
    return int(obj["spec"].get("terminationGracePeriodSeconds", _DEFAULT_GRACE_SECONDS))


def stays(obj: dict[str, Any]) -> bool:
    """Whether something still holds a marked object: a finaliser, or a node that runs it."""
    meta = obj["metadata"]
    return bool(meta.get("finalizers")) or bool(meta.get("deletionGracePeriodSeconds"))
