"""Numbers of a model's versions that were given: each belongs to one digest for ever.

MLflow begins again at 1 when a registered model was deleted and is made anew. What was given is
therefore kept here, an object a number: written before an alias names the version, and before a
rollout of a version that a person registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from slipway.errors import NotFound, Tampered
from slipway.records import ledger
from slipway.records.store import (
    Store,
    encode,
    find_json,
    numbers_among,
    reached_numbers,
    read_json,
)

FOLDER = "numbers"

MOST_UNKNOWN = 1000
"""So many versions in a row may be registered in MLflow by hand, which are not kept here."""


def take_number(store: Store, model: str, number: int, *, sha256: str | None) -> bool:
    """Take a number for a version, and return whether it is that version's; a repeat is, too.

    Args:
        store: Store of the numbers.
        model: Name of the model.
        number: Number of the version.
        sha256: Digest of its manifest; None: not recorded.
    """
    if not reached_numbers(_given(store, model), most_missing=MOST_UNKNOWN):
        # The numbers of an earlier release are in the ledger alone.
        known = _greatest_in_ledger(store, model)
        if known > number:
            store.create(_key(model, known), encode({"digest": None}))
    if store.create(_key(model, number), encode({"digest": sha256})):
        return True
    return sha256 is not None and find_holder(store, model, number) == sha256


def find_holder(store: Store, model: str, number: int) -> str | None:
    """Return the digest of the version that a number was given to; None: not known."""
    with suppress(Tampered, AttributeError):
        sha256 = (find_json(store, _key(model, number)) or {}).get("digest")
        return None if sha256 is None else str(sha256)
    return None


def greatest_number(store: Store, model: str) -> int:
    """Return the greatest number that was ever given to a version of a model, or 0."""
    given = _given(store, model)
    reached = reached_numbers(given, most_missing=MOST_UNKNOWN)
    if reached == given and given:
        return given[-1]
    # What lies further ahead counts if the ledger has such a version.
    return max([*reached, _greatest_in_ledger(store, model)])


def _given(store: Store, model: str) -> list[int]:
    prefix = f"{_folder(model)}/"
    names = (entry.key.removeprefix(prefix) for entry in store.list(_folder(model)))
    return numbers_among(names, digits=8)


def _greatest_in_ledger(store: Store, model: str) -> int:
    return max(_numbers_in_ledger(store, model), default=0)


def _numbers_in_ledger(store: Store, model: str) -> Iterator[int]:
    for sequence in ledger.numbers(store, model):
        # A damaged entry is reported by `ledger verify`, and stops no training.
        with suppress(NotFound, Tampered, KeyError, TypeError, AttributeError):
            entry = read_json(store, ledger.entry_key(model, sequence))
            version = entry["fact"]["numbers"].get("version")
            if isinstance(version, int):
                yield version


def _folder(model: str) -> str:
    return f"{FOLDER}/{model}"


def _key(model: str, number: int) -> str:
    return f"{_folder(model)}/{number:08d}.json"
