"""Look up in the ledger which version was champion at a past time, by the kinds of its entries."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.records.ledger import newest_first
from slipway.records.store import Store

PROMOTED = ("promote_champion", "promoted")
"""Stage and action of the entry of a rollout that made or confirmed a champion."""

REGISTERED = frozenset({("promote_challenger", "promoted"), ("bring", "brought")})
"""Stage and action of the entries that register a version."""


@dataclass(frozen=True)
class Champion:
    """Champion at a point in time.

    Attributes:
        version: Of the model.
        since: Wall time of its promotion, ISO 8601, UTC.
        reason: Reason of its promotion.
        record: Store key of the promotion's run record.
        sequence: Number of the ledger's entry.
    """

    version: int
    since: str
    reason: str
    record: str
    sequence: int


def kind_of_fact(fact: Mapping[str, Any]) -> tuple[str, str]:
    """Return stage and action of a fact of the ledger; empty where it has none."""
    return str(fact.get("stage", "")), str(fact.get("action", ""))


def is_promotion(fact: Mapping[str, Any]) -> bool:
    """Whether a fact of the ledger is that a rollout made or confirmed a champion."""
    return kind_of_fact(fact) == PROMOTED


def champion_as_of(store: Store, model: str, at: datetime) -> Champion | None:
    """Return the champion at a point in time, or None before the first promotion.

    Args:
        store: Store of the ledger.
        model: Name of the model.
        at: Wall time, with a time zone.
    """
    for entry in newest_first(store, model):
        fact = entry["fact"]
        # A record that was entered late, after a kill, counts from when it was made.
        since = fact.get("finished_at", entry["at"])
        if is_promotion(fact) and datetime.fromisoformat(since) <= at:
            return Champion(
                version=int(fact["numbers"]["version"]),
                since=since,
                reason=fact["reason"],
                record=fact["record"],
                sequence=entry["sequence"],
            )
    return None
