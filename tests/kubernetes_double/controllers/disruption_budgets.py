"""What PodDisruptionBudgets allow just now."""

from __future__ import annotations

import math
from typing import Any

from tests.kubernetes_double.api.managed_fields import now
from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.selectors import object_selector
from tests.kubernetes_double.controllers.replica_sets import Later, active
from tests.kubernetes_double.kubelet.pod_status import condition_holds

BY = "kube-controller-manager"


class Budgets:
    """Counts the pods of budgets, and how many of them may be moved.

    Args:
        objects: All objects.
    """

    def __init__(self, objects: Objects) -> None:
        self._objects = objects

    def reconcile(self, namespace: str, name: str, _again: Later) -> None:
        """Write one budget's status."""
        found = self._objects.find("PodDisruptionBudget", namespace, name)
        if found is None:
            return
        matches = object_selector(found["spec"].get("selector"))
        pods = [
            pod
            for pod in active(self._objects.list("Pod", namespace))
            if matches(pod["metadata"].get("labels") or {})
        ]
        healthy = sum(condition_holds(pod, "Ready") for pod in pods)
        wanted = least(found, len(pods))
        status: dict[str, Any] = {
            "observedGeneration": found["metadata"]["generation"],
            "currentHealthy": healthy,
            "desiredHealthy": wanted,
            "expectedPods": len(pods),
            "disruptionsAllowed": max(0, healthy - wanted) if pods else 0,
        }
        old = found.get("status") or {}
        allowed = status["disruptionsAllowed"] > 0
        status["conditions"] = old.get("conditions") or []
        if not status["conditions"] or status["conditions"][0]["status"] != str(allowed):
            status["conditions"] = [_condition(found, allowed=allowed)]
        self._objects.set_status("PodDisruptionBudget", namespace, name, status, manager=BY)


def least(budget: Object, expected: int) -> int:
    """How many of so many pods a budget keeps healthy."""
    spec = budget["spec"]
    if spec.get("maxUnavailable") is not None:
        return max(0, expected - _part(spec["maxUnavailable"], expected))
    return _part(spec.get("minAvailable", 1), expected)


def _part(given: Any, whole: int) -> int:
    if isinstance(given, str) and given.endswith("%"):
        return math.ceil(whole * float(given[:-1]) / 100)
    return int(given)


def _condition(budget: Object, *, allowed: bool) -> dict[str, Any]:
    return {
        "type": "DisruptionAllowed",
        "status": str(allowed),
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "lastTransitionTime": now(),
        "observedGeneration": budget["metadata"]["generation"],
    }
