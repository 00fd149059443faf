"""The ledger: numbered JSON objects, each created only if absent and chained by hash.

One chain per subject under `ledger/<subject>/`.
Its head is anchored outside the store (tags in MLflow), so an edit of the store shows.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from slipway.records.store import Store, digest, encode, read_json

FIRST_PREVIOUS = "0" * 64


@dataclass(frozen=True)
class Head:
    """The newest entry of a chain: its number (0 when empty) and its hash."""

    sequence: int
    sha256: str


@dataclass(frozen=True)
class Break:
    """Where a chain does not hold, and how."""

    key: str
    problem: str


def enter(store: Store, subject: str, fact: Mapping[str, Any], *, unique: str | None = None) -> int:
    """Append one fact to a subject's chain; the number of its entry.

    Args:
        store: Where the ledger lives.
        subject: Dataset or model.
        fact: Who, what, why; JSON values only.
        unique: Name of a field of `fact`; an entry with the same value is returned instead.
    """
    while True:
        entries = read(store, subject)
        if unique is not None:
            for entry in entries:
                if entry["fact"].get(unique) == fact[unique]:
                    return int(entry["sequence"])
        sequence = len(entries) + 1
        previous = digest(encode(entries[-1])) if entries else FIRST_PREVIOUS
        entry = {
            "sequence": sequence,
            "at": datetime.now(UTC).isoformat(),
            "subject": subject,
            "fact": dict(fact),
            "previous": previous,
        }
        if store.create(_key(subject, sequence), encode(entry)):
            return sequence


def read(store: Store, subject: str) -> list[dict[str, Any]]:
    """Every entry of a subject's chain, oldest first."""
    return [read_json(store, entry.key) for entry in store.list(f"ledger/{subject}")]


def subjects(store: Store) -> list[str]:
    """Every dataset and model that has a chain."""
    return sorted({entry.key.split("/")[1] for entry in store.list("ledger")})


def head(store: Store, subject: str) -> Head:
    """The newest entry of a subject's chain."""
    entries = read(store, subject)
    if not entries:
        return Head(0, FIRST_PREVIOUS)
    return Head(len(entries), digest(encode(entries[-1])))


def verify(store: Store, subject: str, *, anchor: Head | None = None) -> list[Break]:
    """Where a subject's chain does not hold: edits, gaps, records changed, head cut off.

    Args:
        store: Where the ledger lives.
        subject: Dataset or model.
        anchor: A head that was written down outside the store.
    """
    breaks: list[Break] = []
    previous = FIRST_PREVIOUS
    entries = read(store, subject)
    for expected, entry in enumerate(entries, start=1):
        key = _key(subject, expected)
        if entry["sequence"] != expected:
            breaks.append(Break(key, f"holds entry {entry['sequence']}"))
        if entry["previous"] != previous:
            breaks.append(Break(key, "does not follow the entry before it"))
        breaks.extend(_changed_record(store, key, entry["fact"]))
        previous = digest(encode(entry))
        if anchor and anchor.sequence == expected and anchor.sha256 != previous:
            breaks.append(Break(key, "differs from the head anchored outside the store"))
    if anchor and anchor.sequence > len(entries):
        problem = f"ends before entry {anchor.sequence}, which was anchored outside the store"
        breaks.append(Break(f"ledger/{subject}", problem))
    return breaks


def _changed_record(store: Store, key: str, fact: Mapping[str, Any]) -> list[Break]:
    record = fact.get("record")
    if record is None:
        return []
    if not store.exists(record):
        return [Break(key, f"its record {record} is gone")]
    if digest(encode(read_json(store, record))) != fact["record_sha256"]:
        return [Break(key, f"its record {record} was changed")]
    return []


def _key(subject: str, sequence: int) -> str:
    return f"ledger/{subject}/{sequence:08d}.json"
