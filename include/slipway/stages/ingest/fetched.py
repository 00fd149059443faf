"""A delivery on the local disk: its path, size and digest."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class Fetched:
    """A delivery that was downloaded.

    Attributes:
        path: File, or folder of parts.
        size: Bytes of all files.
        sha256: Digest of the bytes of the file, or of the names and bytes of all parts.
    """

    path: Path
    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Fetched:
        """Measure what was downloaded; memory is bounded."""
        if path.is_file():
            return cls(path, path.stat().st_size, _digest(path).hexdigest())
        whole, size = hashlib.sha256(), 0
        for part in parts_of(path):
            whole.update(
                f"{part.relative_to(path).as_posix()}\0{_digest(part).hexdigest()}\n".encode()
            )
            size += part.stat().st_size
        return cls(path, size, whole.hexdigest())


def parts_of(path: Path) -> list[Path]:
    """Return the files of a delivery, in the order of their names."""
    return [path] if path.is_file() else sorted(one for one in path.rglob("*") if one.is_file())


def _digest(path: Path) -> hashlib._Hash:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256")
