"""The store: named objects under one root, and JSON on top of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from slipway.errors import NotFound, Tampered


@dataclass(frozen=True)
class Entry:
    """One object as a listing shows it.

    Attributes:
        key: Path below the store's root, `/` between parts.
        size: Bytes.
        modified: When it was last written, in UTC.
        tag: Changes whenever the object is written again.
    """

    key: str
    size: int
    modified: datetime
    tag: str


class Store(Protocol):
    """Objects under one root; the same contract on a local disk and on S3.

    Every method raises `StoreUnavailable` when the store does not answer.
    """

    root: str

    def read(self, key: str) -> bytes:
        """Bytes of one object.

        Raises:
            NotFound: There is no such object.
        """

    def write(self, key: str, data: bytes) -> None:
        """Replace one object as a whole; a reader sees the old bytes or the new ones."""

    def create(self, key: str, data: bytes) -> bool:
        """Write one object if there is none yet; True for at most one writer.

        A writer whose own object arrived while the reply was lost on the way is told False,
        so whoever is told False reads what is there before concluding anything.
        """

    def exists(self, key: str) -> bool:
        """Whether there is such an object."""

    def list(self, prefix: str) -> list[Entry]:
        """Every object below a folder, sorted by key; empty when there is none."""

    def delete(self, key: str) -> None:
        """Remove one object; nothing happens when there is none."""

    def uri(self, key: str) -> str:
        """Address of one object that other tools can open."""


def encode(value: Any) -> bytes:
    """Canonical JSON: the same value is always the same bytes."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
    return text.encode()


def digest(data: bytes) -> str:
    """SHA-256 of some bytes, in hex."""
    return hashlib.sha256(data).hexdigest()


def read_json(store: Store, key: str) -> Any:
    """The value that one JSON object holds.

    Raises:
        NotFound: There is no such object.
        Tampered: It does not hold JSON.
    """
    try:
        return json.loads(store.read(key))
    except ValueError as error:
        raise Tampered(
            f"{key} does not hold JSON",
            expected="what Slipway wrote there",
            found="something else",
            where=store.uri(key),
        ) from error


def find_json(store: Store, key: str) -> Any | None:
    """The value that one JSON object holds, or None when there is no such object."""
    try:
        return read_json(store, key)
    except NotFound:
        return None


def newest_number(store: Store, folder: str) -> int:
    """Number of the newest `<number>.json` in a folder, or 0 when there is none."""
    names = (entry.key.removeprefix(f"{folder}/") for entry in store.list(folder))
    stems = (name.removesuffix(".json") for name in names)
    return max((int(stem) for stem in stems if stem.isdecimal()), default=0)
