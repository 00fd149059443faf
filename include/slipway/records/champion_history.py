"""Look up in the ledger which version was champion at a past time, by the kinds of its entries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from slipway.records.ledger import newest_first
from slipway.records.store import Store

PROMOTED = ("promote_champion", "promoted")
"""Stage and action of the entry of a rollout that made or confirmed a champion."""

REGISTERED = frozenset({("promote_challenger", "promoted"), ("bring", "brought")})
"""Stage and action of the entries that register a version."""

SWITCHED = ("switch", "switched")
"""Stage and action of the entry of a rollout that gave a version every request."""

REPAIRED = ("reconcile", "repair")
"""Stage and action of the entry of a rollout that gave a champion every request at once."""


@dataclass(frozen=True)
class Champion:
    """Champion at a point in time.

    Attributes:
        version: Of the model.
        since: Wall time of its promotion, ISO 8601, UTC; repairs that confirmed it do not count.
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

    Raises:
        Tampered: A newer entry is damaged.
    """
    return _champion_among(newest_first(store, model), at)


def champion_beside_damage(
    store: Store, model: str, at: datetime
) -> tuple[Champion | None, tuple[str, ...]]:
    """Return the champion at a point in time by the intact entries, and the damaged newer ones.

    Args:
        store: Store of the ledger.
        model: Name of the model.
        at: Wall time, with a time zone.
    """
    damaged: list[str] = []

    def entries() -> Iterator[dict[str, Any]]:
        for entry in newest_first(store, model, damaged="mark"):
            damaged.extend([entry["damaged"]] if "damaged" in entry else [])
            yield entry

    return _champion_among(entries(), at), tuple(damaged)


def _champion_among(entries: Iterator[dict[str, Any]], at: datetime) -> Champion | None:
    for entry in entries:
        if is_promotion(entry["fact"]) and datetime.fromisoformat(_made_at(entry)) <= at:
            began = first_promotion(entry, entries)
            fact = began["fact"]
            return Champion(
                version=int(fact["numbers"]["version"]),
                since=_made_at(began),
                reason=fact["reason"],
                record=fact["record"],
                sequence=began["sequence"],
            )
    return None


def first_promotion(entry: Mapping[str, Any], older: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the entry of the promotion that a promotion confirmed, itself if none; pure.

    A repair promotes the champion that it puts back. If no other version served between, that is
    champion since its earlier promotion.

    Args:
        entry: A promotion.
        older: The entries before it, newest first; no more is read than needed.
    """
    began, version = dict(entry), entry["fact"]["numbers"]["version"]
    for one in older:
        if began["fact"]["numbers"].get("action") != "repair":
            break
        if _is_of_another(one["fact"], version):
            break
        if is_promotion(one["fact"]):
            began = dict(one)
    return began


def _is_of_another(fact: Mapping[str, Any], version: int) -> bool:
    """Whether another version served, or the number was given to other bytes."""
    kind, numbers = kind_of_fact(fact), fact.get("numbers", {})
    about = numbers.get("version")
    if kind in REGISTERED:
        return bool(about == version)
    if kind == REPAIRED and numbers.get("served") not in {None, version}:
        return True
    return kind in {PROMOTED, SWITCHED, REPAIRED} and about != version


def _made_at(entry: Mapping[str, Any]) -> str:
    """Wall time of a record; one that was entered late, after a kill, counts from when made."""
    return str(entry["fact"].get("finished_at", entry["at"]))
