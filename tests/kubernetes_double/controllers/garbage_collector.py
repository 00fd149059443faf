"""Garbage collection by owner."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem

Key = tuple[str, str, str]


class GarbageCollector:
    """Deletes objects without an owner; runs in the event loop.

    Args:
        objects: All objects.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._owners: dict[Key, set[str]] = {}
        self._alive: set[str] = set()

    def observe(self, change: str, obj: Mapping[str, Any]) -> None:
        """Record an object; delete its dependents if it is deleted."""
        meta = obj["metadata"]
        key = (obj["kind"], meta.get("namespace", ""), meta["name"])
        if change == "DELETED":
            self._owners.pop(key, None)
            self._alive.discard(meta["uid"])
            self._collect(meta["uid"])
            return
        self._alive.add(meta["uid"])
        owners = {reference["uid"] for reference in meta.get("ownerReferences") or ()}
        if owners:
            self._owners[key] = owners
        else:
            self._owners.pop(key, None)

    def _collect(self, uid: str) -> None:
        for key, owners in list(self._owners.items()):
            if uid in owners and not owners & self._alive:
                self._delete(key)

    def _delete(self, key: Key) -> None:
        with contextlib.suppress(ApiProblem):
            self._objects.delete(*key)
