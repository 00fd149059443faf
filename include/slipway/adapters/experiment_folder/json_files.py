"""JSON files below one folder: written as a whole, changed by one process at a time."""

from __future__ import annotations

import fcntl
import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from slipway.errors import RegistryUnavailable
from slipway.records.store import parse_json

LOCK = "lock"


class JsonFiles:
    """The files of one experiment folder.

    Args:
        root: Folder; created when it is first written to.
    """

    def __init__(self, root: Path) -> None:
        self.root = root.absolute()

    def read(self, name: str) -> Any | None:
        """Return the value of a file, or None when there is none."""
        try:
            return parse_json((self.root / name).read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, ValueError) as error:
            raise self._unavailable(name, error) from error

    def write(self, name: str, value: Any) -> None:
        """Replace a file as a whole by a value."""
        self.write_bytes(name, json.dumps(value, indent=1).encode())

    def write_bytes(self, name: str, data: bytes) -> None:
        """Replace a file as a whole."""
        target = self.root / name
        draft = target.with_name(f".{target.name}.part")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(data)
            draft.replace(target)
        except OSError as error:
            raise self._unavailable(name, error) from error

    @contextmanager
    def changing(self) -> Iterator[None]:
        """Exclude other processes while files are read and written."""
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = (self.root / LOCK).open("a")
        except OSError as error:
            raise self._unavailable(LOCK, error) from error
        with lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def names(self, folder: str) -> list[str]:
        """Return the names of the JSON files in a folder, sorted."""
        return sorted(f"{folder}/{path.name}" for path in (self.root / folder).glob("[!.]*.json"))

    def _unavailable(self, name: str, error: Exception) -> RegistryUnavailable:
        return RegistryUnavailable(
            "a file of the experiment folder cannot be used",
            found=type(error).__name__,
            where=str(self.root / name),
        )
