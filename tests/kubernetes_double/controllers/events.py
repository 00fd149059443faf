"""Events of controllers and kubelets."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem


class Recorder:
    """Writes Events; a repeated one is counted.

    Args:
        objects: All objects.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects
        self._known: dict[tuple[str, str, str], str] = {}

    def normal(self, about: Mapping[str, Any], reason: str, message: str, *, by: str) -> None:
        """Write a Normal event."""
        self._record(about, "Normal", reason, message, by)

    def warning(self, about: Mapping[str, Any], reason: str, message: str, *, by: str) -> None:
        """Write a Warning event."""
        self._record(about, "Warning", reason, message, by)

    def _record(
        self, about: Mapping[str, Any], kind: str, reason: str, message: str, by: str
    ) -> None:
        meta = about["metadata"]
        namespace = meta.get("namespace", "default")
        key = (meta["uid"], reason, message)
        # An event about a deleted object, or in a deleted namespace, is dropped.
        with contextlib.suppress(ApiProblem):
            if key in self._known:
                self._objects.change("Event", namespace, self._known[key], _count, manager=by)
                return
            name = f"{meta['name']}.{uuid.uuid4().hex[:16]}"
            self._objects.create(
                _event(about, name, kind=kind, reason=reason, message=message, by=by)
            )
            self._known[key] = name


def _count(event: dict[str, Any]) -> None:
    event["count"] += 1
    event["lastTimestamp"] = now()


def _event(
    about: Mapping[str, Any], name: str, *, kind: str, reason: str, message: str, by: str
) -> dict[str, Any]:
    meta = about["metadata"]
    namespace = meta.get("namespace", "default")
    return {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": name, "namespace": namespace},
        "involvedObject": {
            "apiVersion": about["apiVersion"],
            "kind": about["kind"],
            "name": meta["name"],
            "namespace": meta.get("namespace", ""),
            "uid": meta["uid"],
            "resourceVersion": meta["resourceVersion"],
        },
        "type": kind,
        "reason": reason,
        "message": message,
        "count": 1,
        "firstTimestamp": now(),
        "lastTimestamp": now(),
        "source": {"component": by},
        "reportingComponent": by,
        "reportingInstance": about.get("spec", {}).get("nodeName", ""),
    }
