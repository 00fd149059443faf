"""Numbers of a model's versions that were given: each belongs to one digest for ever.

MLflow begins again at 1 when a registered model was deleted and is made anew. What was given is
therefore kept here, an object a number: written before an alias names the version, and before a
rollout of a version that a person registered.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress

from slipway.errors import NotFound, Tampered
from slipway.records.store import Store, encode, find_json, newest_number, read_json

FOLDER = "numbers"


def take_number(store: Store, model: str, number: int, *, sha256: str | None) -> bool:
    """Take a number for a version, and return whether it is that version's; a repeat is, too.

    Args:
        store: Store of the numbers.
        model: Name of the model.
        number: Number of the version.
        sha256: Digest of its manifest; None: not recorded.
    """
    if not newest_number(store, _folder(model)):
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
    return newest_number(store, _folder(model)) or _greatest_in_ledger(store, model)


def _greatest_in_ledger(store: Store, model: str) -> int:
    return max(_numbers_in_ledger(store, model), default=0)


def _numbers_in_ledger(store: Store, model: str) -> Iterator[int]:
    for entry in store.list(f"ledger/{model}"):
        # A damaged entry is reported by `ledger verify`, and stops no training.
        with suppress(NotFound, Tampered, KeyError, TypeError, AttributeError):
            version = read_json(store, entry.key)["fact"]["numbers"].get("version")
            if isinstance(version, int):
                yield version


def _folder(model: str) -> str:
    return f"{FOLDER}/{model}"


def _key(model: str, number: int) -> str:
    return f"{_folder(model)}/{number:08d}.json"
