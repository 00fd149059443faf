"""Bounds and template hashes of rolling updates."""

from __future__ import annotations

import hashlib
import json
import math
from dataclasses import dataclass
from typing import Any

from tests.kubernetes_double.api.object_store import Object


@dataclass(frozen=True)
class Bounds:
    """Bounds on the number of pods during a rolling update.

    Args:
        wanted: Replicas.
        surge: Maximum of additional pods.
        unavailable: Maximum of unavailable pods.
    """

    wanted: int
    surge: int
    unavailable: int

    @classmethod
    def of(cls, deployment: Object) -> Bounds:
        """Bounds of a Deployment."""
        spec = deployment["spec"]
        wanted, strategy = int(spec.get("replicas", 1)), spec.get("strategy") or {}
        if strategy.get("type") == "Recreate":
            return cls(wanted, 0, wanted)
        rolling = strategy.get("rollingUpdate") or {}
        surge = _part(rolling.get("maxSurge", "25%"), wanted, math.ceil)
        unavailable = _part(rolling.get("maxUnavailable", "25%"), wanted, math.floor)
        return cls(wanted, surge, 1 if surge == unavailable == 0 else unavailable)


def _part(given: Any, whole: int, rounded: Any) -> int:
    if isinstance(given, str) and given.endswith("%"):
        return int(rounded(whole * float(given[:-1]) / 100))
    return int(given)


def template_hash(template: Any) -> str:
    """A short hash of a pod template."""
    text = json.dumps(template, sort_keys=True).encode()
    return hashlib.sha256(text).hexdigest()[:10]
