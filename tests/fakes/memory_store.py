"""A store in a dictionary."""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from slipway.errors import BadParameter, NotFound
from slipway.records.store import Entry, Survey


def _now() -> datetime:
    return datetime.now(UTC)


# One for all of them, so that a test can copy what it has prepared.
_ALONE = threading.Lock()


class MemoryStore:
    """A fake of `records.store.Store`.

    Args:
        clock: Time of each write.
    """

    def __init__(self, *, clock: Callable[[], datetime] = _now) -> None:
        self.root = f"memory://{id(self)}"
        self.clock = clock
        self._objects: dict[str, tuple[bytes, Entry]] = {}

    def read(self, key: str) -> bytes:
        """Bytes of an object; raises `NotFound`."""
        try:
            return self._objects[_checked(key)][0]
        except KeyError as error:
            raise NotFound(f"there is no {key} in the store", where=self.root) from error

    def write(self, key: str, data: bytes) -> None:
        """Replace one object as a whole."""
        entry = Entry(_checked(key), len(data), self.clock(), uuid.uuid4().hex)
        self._objects[key] = (bytes(data), entry)

    def create(self, key: str, data: bytes) -> bool:
        """Write an object unless it exists; True if written."""
        with _ALONE:
            if _checked(key) in self._objects:
                return False
            self.write(key, data)
            return True

    def download(self, key: str, path: Path) -> None:
        """Copy an object into a local file; raises `NotFound`."""
        path.write_bytes(self.read(key))

    def upload(self, path: Path, key: str) -> None:
        """Replace one object by a local file."""
        self.write(key, path.read_bytes())

    def exists(self, key: str) -> bool:
        """Whether an object exists."""
        return _checked(key) in self._objects

    def list(self, prefix: str) -> list[Entry]:
        """Every object below a folder, sorted by key."""
        folder = f"{_checked(prefix)}/"
        with _ALONE:
            objects = list(self._objects.values())
        found = [entry for _, entry in objects if entry.key.startswith(folder)]
        return sorted(found, key=lambda entry: entry.key)

    def survey(self, prefix: str) -> Survey:
        """Every object below a folder; each can be read."""
        return Survey(tuple(self.list(prefix)))

    def delete(self, key: str) -> None:
        """Remove an object if it exists."""
        self._objects.pop(_checked(key), None)

    def uri(self, key: str) -> str:
        """Address of one object."""
        return f"{self.root}/{key}"


def _checked(key: str) -> str:
    if {"", ".", ".."} & set(key.split("/")):
        raise BadParameter(f"{key!r} cannot be a key of the store")
    return key
