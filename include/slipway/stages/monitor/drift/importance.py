"""Read how much each feature moves a version's answers, and how much further others may drift.

Only the distance of features is weighed by it: never their quality, and never the predictions.
"""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from slipway.errors import Tampered
from slipway.records.run_records import RunRef, find_record
from slipway.stages.gates.checks.explanations import TABLE

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.ports.registry import ModelVersion

MOST_LENIENCE = 2.0
"""How many times the limit of a feature may be that hardly moves the answers."""


def read_importance(store: Store, version: ModelVersion) -> dict[str, float]:
    """Return the share of the answers that each of a version's columns moves, by SHAP values.

    The evaluation of its training measured them, where its spec had `gates.explanations`: the
    columns that move most. Empty where they were not measured.

    Args:
        store: Store of the records.
        version: The version.
    """
    subject, _, run = version.run_key.partition("/")
    with suppress(Tampered, ValueError, TypeError):
        record = find_record(store, RunRef(subject, run, "evaluate")) if run else None
        table = None if record is None else record.verdict.numbers.get(TABLE)
        return {str(name): float(share) for name, share, _ in json.loads(str(table or "[]"))}
    return {}


def lenience_of(store: Store, version: ModelVersion, logged: Mapping[str, str]) -> dict[str, float]:
    """Return the lenience with each feature of a version, by its name in the log.

    Args:
        store: Store of the records.
        version: The version.
        logged: Name in the log of each feature.
    """
    found = lenience(read_importance(store, version), logged)
    return {logged[name]: times for name, times in found.items()}


def lenience(importance: Mapping[str, float], features: Collection[str]) -> dict[str, float]:
    """Return how many times its limit each feature may be away before it is drift; pure.

    A feature with at least an equal part of the explanation keeps its limit; one with a quarter of
    that, or less, has twice as much. So no version alarms more often than without importances.

    Args:
        importance: Share of the explanation by feature; those that are missing share the rest.
        features: Names of all features.
    """
    if not importance or not features:
        return {}
    others = [name for name in features if name not in importance]
    rest = max(0.0, 1 - sum(importance.values())) / max(1, len(others))
    fair = 1 / len(features)
    shares = {name: importance.get(name, rest) for name in features}
    return {name: _times(fair, share) for name, share in shares.items()}


def _times(fair: float, share: float) -> float:
    if share <= 0:
        return MOST_LENIENCE
    return min(MOST_LENIENCE, max(1.0, math.sqrt(fair / share)))
