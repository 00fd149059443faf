"""The control loops: each change of an object reconciles what depends on it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.controllers.deployments import Deployments
from tests.kubernetes_double.controllers.events import Recorder
from tests.kubernetes_double.controllers.garbage_collector import GarbageCollector
from tests.kubernetes_double.controllers.replica_sets import ReplicaSets

Key = tuple[str, str, str]
AGAIN_S = 0.1


class Controllers:
    """Reconciles Deployments and ReplicaSets, and collects garbage.

    Args:
        objects: All objects.
        recorder: Writes events.
    """

    def __init__(self, objects: Objects, recorder: Recorder) -> None:
        sets, deployments = ReplicaSets(objects, recorder), Deployments(objects, recorder)
        self._reconcile: dict[str, Callable[[str, str, Callable[[float], None]], None]] = {
            "ReplicaSet": sets.reconcile,
            "Deployment": deployments.reconcile,
        }
        self._garbage = GarbageCollector(objects)
        self._due: dict[Key, None] = {}
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._closed = False

    def observe(self, change: str, obj: Mapping[str, Any]) -> None:
        """Enqueue an object and its owners."""
        self._garbage.observe(change, obj)
        meta = obj["metadata"]
        namespace = meta.get("namespace", "")
        self._enqueue((obj["kind"], namespace, meta["name"]))
        for owner in meta.get("ownerReferences") or ():
            self._enqueue((owner["kind"], namespace, owner["name"]))

    def close(self) -> None:
        """Stop."""
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()

    def _enqueue(self, key: Key) -> None:
        if key[0] not in self._reconcile or self._closed:
            return
        if not self._due:
            asyncio.get_running_loop().call_soon(self._drain)
        self._due[key] = None

    def _drain(self) -> None:
        due, self._due = self._due, {}
        for key in due:
            kind, namespace, name = key
            try:
                self._reconcile[kind](namespace, name, partial(self._later, key))
            except ApiProblem:
                # Another writer was faster.
                self._later(key, AGAIN_S)

    def _later(self, key: Key, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        known = self._timers.get(key)
        if known is not None and not known.cancelled() and loop.time() < known.when():
            if known.when() <= loop.time() + seconds:
                return
            known.cancel()
        self._timers[key] = loop.call_later(seconds, self._enqueue, key)
