"""The store: named objects under one root, and JSON on top of it."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol


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
        """Write one object if there is none yet; True for the one writer that did."""

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
    """
    return json.loads(store.read(key))


def find_json(store: Store, key: str) -> Any | None:
    """The value that one JSON object holds, or None when there is no such object."""
    return read_json(store, key) if store.exists(key) else None
