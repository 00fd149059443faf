"""Copy a file of a local landing area, unless a link leads out of it."""

from __future__ import annotations

import fcntl
import os
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import IO

from slipway.errors import CommitConflict
from slipway.records.folder_survey import is_inside

_PIECE_BYTES = 8 * 2**20
_OPEN = os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_CREATE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
_GET_PATH = 50
"""`F_GETPATH` of macOS, which has no `/proc`."""


def open_private(path: Path) -> IO[bytes]:
    """Open a new file that only its owner can read."""
    return os.fdopen(os.open(path, _CREATE, 0o600), "wb")


def copy_landed_file(path: Path, target: IO[bytes], *, allowed: Sequence[str]) -> None:
    """Copy a file that is a regular one below the allowed folders once it is open.

    What was opened is looked at, and not its name, which may lead elsewhere a moment later.

    Args:
        path: File in the landing area.
        target: File to write.
        allowed: Real paths of folders.

    Raises:
        FileNotFoundError: There is no such file.
        CommitConflict: It was replaced or written meanwhile.
    """
    with os.fdopen(os.open(path, _OPEN), "rb") as source:
        before = os.fstat(source.fileno())
        if not stat.S_ISREG(before.st_mode):
            raise _replaced(path, "no regular file")
        if not is_inside(_real_path(source.fileno()), allowed):
            raise _replaced(path, "a link that leads out of the landing area")
        shutil.copyfileobj(source, target, _PIECE_BYTES)
        after = os.fstat(source.fileno())
        if (before.st_mtime_ns, before.st_size) != (after.st_mtime_ns, after.st_size):
            raise _replaced(path, "written again")


def _real_path(descriptor: int) -> str:
    link = Path(f"/proc/self/fd/{descriptor}")
    if link.is_symlink():
        return str(link.readlink())
    return os.fsdecode(fcntl.fcntl(descriptor, _GET_PATH, bytes(1024)).rstrip(b"\0"))


def _replaced(path: Path, found: str) -> CommitConflict:
    return CommitConflict(
        "the delivery was replaced while it was read",
        found=found,
        where=str(path),
        hint="a retry looks at what lies there now",
    )
