"""Check single entries of a ledger: their form, what they follow, their time and their record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any, Literal

from slipway.errors import BadParameter, NotFound
from slipway.records.store import Store, digest, parse_json

CLOCK_TOLERANCE_SECONDS = 300.0
"""So much may the clocks of two machines differ that enter one after the other."""

ACCEPT = "accept_ledger"
"""Stage of the entry by which a person accepts a ledger as it is."""

Entry = Mapping[str, Any]


def parse_entry(data: bytes) -> Entry:
    """Return the entry in an object; empty for what is none."""
    with suppress(ValueError):
        value = parse_json(data)
        if isinstance(value, dict) and _has_form(value):
            return value
    return {}


def _has_form(value: Entry) -> bool:
    """Whether an object has the types that readers of entries rely on."""
    fact = value.get("fact")
    if not isinstance(fact, dict) or not isinstance(fact.get("numbers", {}), dict):
        return False
    if not isinstance(value.get("sequence"), int):
        return False
    words = ("stage", "action", "run", "reason", "record")
    times = (value.get("at"), fact.get("finished_at", value.get("at")))
    return all(isinstance(fact.get(word, ""), str) for word in words) and all(map(_is_time, times))


def _is_time(value: object) -> bool:
    with suppress(ValueError):
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    return False


def fact_of(entry: Entry) -> Mapping[str, Any]:
    """Return the fact of an entry; empty for what is none."""
    fact: Mapping[str, Any] = entry.get("fact", {})
    return fact


def record_of(entry: Entry) -> set[str]:
    """Return the key of the record that an entry names, if it names one."""
    record = fact_of(entry).get("record")
    return {record} if isinstance(record, str) else set()


def chain_problems(entry: Entry, *, subject: str, sequence: int, previous: str) -> Iterator[str]:
    """Yield what is wrong with an entry at its place in a chain.

    Args:
        entry: The entry.
        subject: Dataset or model.
        sequence: Its number.
        previous: Hash of the entry before it.
    """
    if not {"subject", "sequence", "previous"} <= entry.keys():
        yield "does not hold an entry"
        return
    if (entry["subject"], entry["sequence"]) != (subject, sequence):
        yield f"holds entry {entry['sequence']} of {entry['subject']}"
    if entry["previous"] != previous:
        yield "does not follow the entry before it: one of both was changed"


def clock_problems(entry: Entry, *, after: str) -> Iterator[str]:
    """Yield that an entry was made too long before the one that it follows.

    Args:
        entry: The entry.
        after: Time of the one before it; empty for the first.
    """
    with suppress(ValueError, TypeError):
        at = datetime.fromisoformat(str(entry.get("at")))
        early = (datetime.fromisoformat(after) - at).total_seconds()
        if early > CLOCK_TOLERANCE_SECONDS:
            yield f"was made {early:,.0f} s before the entry that it follows, by the clock"


def record_problems(
    store: Store, entry: Entry, *, records: Literal["all", "present"]
) -> Iterator[str]:
    """Yield that the record of an entry is missing or was changed.

    Args:
        store: Store of the records.
        entry: The entry.
        records: `present`: a missing one is no problem.
    """
    for record in record_of(entry):
        if records == "present" and not store.exists(record):
            continue
        try:
            kept = store.read(record)
        except (NotFound, BadParameter):
            yield f"its record {record} is missing"
            continue
        if digest(kept) != fact_of(entry).get("record_sha256"):
            yield f"its record {record} was changed"
