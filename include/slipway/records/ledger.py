"""Ledger: numbered entries, each created once and chained to the one before by hash.

One chain per subject under `ledger/<subject>/`. Its head is anchored outside the store, in tags in
MLflow, so that an edit of the store is detected.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

from slipway.errors import NotFound, Tampered
from slipway.records.entry_checks import (
    ACCEPT,
    chain_problems,
    clock_problems,
    fact_of,
    parse_entry,
    record_of,
    record_problems,
)
from slipway.records.store import Store, digest, encode, list_numbers

FIRST_PREVIOUS = "0" * 64
RECORD_KEY = ("runs", "<subject>", "<run>", "<stage>", "record.json")
ENTRY_SECONDS = 1.0
"""Time in which a running stage enters the record that it has made."""


@dataclass(frozen=True)
class Head:
    """Newest entry of a chain: its number (0 when empty) and its hash."""

    sequence: int
    sha256: str


@dataclass(frozen=True)
class Break:
    """One place where a chain is broken, and how."""

    key: str
    problem: str


def enter(
    store: Store,
    subject: str,
    fact: Mapping[str, Any],
    *,
    unique: str | None = None,
    after: int = 0,
) -> int:
    """Append one fact to a subject's chain and return the number of its entry.

    Args:
        store: Store of the ledger.
        subject: Dataset or model.
        fact: JSON values only.
        unique: Field of `fact`; an entry with the same value is returned instead of appending.
        after: Entries up to this number cannot have that value and are not read.
    """
    while True:
        newest = length(store, subject)
        if unique is not None:
            known = _find(store, subject, (unique, fact[unique]), numbers=range(newest, after, -1))
            if known is not None:
                return known
        entry = {
            "sequence": newest + 1,
            "at": datetime.now(UTC).isoformat(),
            "subject": subject,
            "fact": dict(fact),
            "previous": _head(store, subject, newest).sha256,
        }
        if store.create(entry_key(subject, newest + 1), encode(entry)):
            return newest + 1
        after = max(after, newest)


Damaged = Literal["raise", "mark"]
"""What a reader does at an object that is no entry; `mark`: an empty fact, with its key beside it.

What decides raises, up to where a person accepted the ledger as it is; a report tells the rest.
"""


def read(store: Store, subject: str, *, damaged: Damaged = "raise") -> list[dict[str, Any]]:
    """Return every entry of a subject's chain, oldest first.

    Raises:
        Tampered: As for `newest_first`.
    """
    return list(newest_first(store, subject, damaged=damaged))[::-1]


def oldest_first(store: Store, subject: str) -> Iterator[dict[str, Any]]:
    """Yield the entries of a subject's chain, oldest first; reads no more than are taken."""
    for sequence in numbers(store, subject):
        yield _read(store, subject, sequence, "raise")


def newest_first(
    store: Store, subject: str, *, damaged: Damaged = "raise"
) -> Iterator[dict[str, Any]]:
    """Yield the entries of a subject's chain, newest first; reads no more than are taken.

    Raises:
        Tampered: An object is no entry, and damaged ones are not marked.
    """
    for sequence in reversed(numbers(store, subject)):
        entry = _read(store, subject, sequence, damaged)
        yield entry
        if entry["fact"].get("stage") == ACCEPT:
            damaged = "mark"


def numbers(store: Store, subject: str) -> list[int]:
    """Return the numbers of the entries of a chain that are there, sorted; costs one listing."""
    return list_numbers(store, _folder(subject))


def length(store: Store, subject: str) -> int:
    """Return the number of the newest entry of a chain, or 0; costs one listing."""
    return max(numbers(store, subject), default=0)


def entry_key(subject: str, sequence: int) -> str:
    """Return the store key of an entry."""
    return f"{_folder(subject)}/{sequence:08d}.json"


def subjects(store: Store) -> list[str]:
    """Return every dataset and model that has a chain, or whose first record is not entered."""
    entries = [*store.list("ledger"), *store.list("open")]
    return sorted({entry.key.split("/")[1] for entry in entries})


def head(store: Store, subject: str) -> Head:
    """Return the head of a subject's chain."""
    return _head(store, subject, length(store, subject))


def verify_since(store: Store, subject: str, anchors: Collection[Head]) -> tuple[Head, list[Break]]:
    """Verify a chain from its newest anchor on; return its head and the breaks.

    Reads no entry before that anchor. Without one the whole chain is read; what comes before the
    newest break that a person accepted counts as accepted.

    Args:
        store: Store of the ledger.
        subject: Dataset or model.
        anchors: Heads that were anchored outside the store.
    """
    since = max((one.sequence for one in anchors), default=0)
    newest = length(store, subject)
    breaks = [_cut_off(subject, since)] if since > newest else []
    present = Head(0, FIRST_PREVIOUS)
    for sequence in range(max(since, 1), newest + 1):
        key = entry_key(subject, sequence)
        try:
            data = store.read(key)
        except NotFound:
            breaks.append(Break(key, "is missing"))
            continue
        entry = parse_entry(data)
        if sequence > since:
            before = present.sha256
            problems = chain_problems(entry, subject=subject, sequence=sequence, previous=before)
            breaks.extend(Break(key, problem) for problem in problems)
        if not anchors and fact_of(entry).get("stage") == ACCEPT:
            breaks.clear()
        present = Head(sequence, digest(data))
        breaks.extend(_unlike(key, present, anchors))
    return present, breaks


def verify(
    store: Store,
    subject: str,
    *,
    anchor: Head | None = None,
    others: Collection[Head] = (),
    records: Literal["all", "present"] = "all",
) -> list[Break]:
    """Verify a subject's chain: return edits, gaps, changed records, a missing head.

    A finished record without an entry is a break too, and so is an entry that was made more than
    `CLOCK_TOLERANCE_SECONDS` before the one that it follows.

    Args:
        store: Store of the ledger.
        subject: Dataset or model.
        anchor: Head that was anchored outside the store.
        others: Further such heads, as each model that uses a dataset keeps one.
        records: `present`: the store is an export, which has records of some entries alone.
    """
    anchors = [*([] if anchor is None else [anchor]), *others]
    present = {entry.key for entry in store.list(_folder(subject))}
    chain = [entry_key(subject, number + 1) for number in range(length(store, subject))]
    strays = sorted(present.difference(chain))
    breaks = [Break(key, "is not an entry, or lies beyond the end of the chain") for key in strays]
    previous, before, entered = FIRST_PREVIOUS, "", set[str]()
    for sequence, key in enumerate(chain, start=1):
        if key not in present:
            breaks.append(Break(key, "is missing"))
            continue
        data = store.read(key)
        entry = parse_entry(data)
        entered.update(record_of(entry))
        problems = [
            *chain_problems(entry, subject=subject, sequence=sequence, previous=previous),
            *clock_problems(entry, after=before),
            *record_problems(store, entry, records=records),
        ]
        breaks.extend(Break(key, problem) for problem in problems)
        previous, before = digest(data), str(entry.get("at", ""))
        breaks.extend(_unlike(key, Head(sequence, previous), anchors))
    if records == "all":
        breaks.extend(_unentered(store, subject, entered, length_seen=len(chain)))
    since = max((one.sequence for one in anchors), default=0)
    return [*breaks, *([_cut_off(subject, since)] if since > len(chain) else [])]


def _cut_off(subject: str, anchored: int) -> Break:
    problem = f"ends before entry {anchored}, which was anchored outside the store"
    return Break(_folder(subject), problem)


def _unlike(key: str, present: Head, anchors: Iterable[Head]) -> Iterator[Break]:
    """A break if another entry was anchored under the number of this one."""
    there = {one.sha256 for one in anchors if one.sequence == present.sequence}
    if there - {present.sha256}:
        yield Break(key, "differs from the head anchored outside the store")


def _unentered(
    store: Store, subject: str, entered: Collection[str], *, length_seen: int
) -> Iterator[Break]:
    """Finished records of a subject that no entry names."""
    listed = {entry.key for entry in store.list(f"runs/{subject}")}
    folders = {
        "/".join(parts[:-1])
        for key in listed
        if (parts := key.split("/"))[-1] == "record.json" and len(parts) == len(RECORD_KEY)
    }
    missing = {
        f"{folder}/record.json"
        for folder in folders
        if f"{folder}/entered.json" not in listed and f"{folder}/record.json" not in entered
    }
    if missing:
        # A stage makes its record and then the entry: what runs just now is no break.
        time.sleep(ENTRY_SECONDS)
    for sequence in range(length_seen + 1, (length(store, subject) if missing else 0) + 1):
        missing.difference_update(record_of(parse_entry(store.read(entry_key(subject, sequence)))))
    for key in sorted(missing):
        yield Break(key, "is a finished record that no entry names")


def _find(
    store: Store, subject: str, field: tuple[str, Any], *, numbers: Iterable[int]
) -> int | None:
    """Number of the entry whose fact has the field; damaged entries are skipped."""
    name, value = field
    for number in numbers:
        with suppress(NotFound):
            if fact_of(parse_entry(store.read(entry_key(subject, number)))).get(name) == value:
                return number
    return None


def _read(store: Store, subject: str, sequence: int, damaged: Damaged) -> dict[str, Any]:
    key = entry_key(subject, sequence)
    entry = dict(parse_entry(store.read(key)))
    if entry:
        return entry
    if damaged == "mark":
        return {"sequence": sequence, "subject": subject, "at": "", "fact": {}, "damaged": key}
    raise Tampered(
        f"{key} is no entry of the ledger",
        expected="the JSON that Slipway wrote there",
        found="something else",
        where=store.uri(key),
        hint=f"restore it from a backup, else see `slipway ledger accept {subject} --help`",
    )


def _head(store: Store, subject: str, sequence: int) -> Head:
    if sequence == 0:
        return Head(0, FIRST_PREVIOUS)
    return Head(sequence, digest(store.read(entry_key(subject, sequence))))


def _folder(subject: str) -> str:
    return f"ledger/{subject}"
