"""Temporary folders on the local disk, and the error of a disk that is full."""

from __future__ import annotations

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from slipway.errors import DiskFull

FULL = "its disk is full"

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_SPELLINGS = ("No space left on device", "disk is full", "Disk quota exceeded", "StorageFull")
_MIB = 2**20


@contextmanager
def scratch_folder(prefix: str, *, needs: str) -> Iterator[Path]:
    """Give a temporary folder, and remove it with all that is in it at the end.

    Args:
        prefix: Begin of its name.
        needs: What it has to hold, for the error of a full disk.

    Raises:
        DiskFull: The folder cannot be created, or its disk has no room for what is written there.
    """
    try:
        holder = TemporaryDirectory(prefix=prefix)
    except OSError as error:
        raise DiskFull(
            "no temporary folder can be written",
            expected=f"a folder with room for {needs}",
            found=error.strerror,
            hint="set TMPDIR to a folder on a disk with more room",
        ) from error
    with holder as name, refuse_full_disk(Path(name), needs=needs):
        yield Path(name)


@contextmanager
def refuse_full_disk(folder: Path, *, needs: str) -> Iterator[None]:
    """Raise Slipway's error where the disk of a local folder is full.

    Args:
        folder: Folder that is written to.
        needs: What it has to hold.

    Raises:
        DiskFull: It has no room for that.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _FULL:
            raise
        raise DiskFull(
            "the disk of the temporary folder is full",
            expected=f"room for {needs}",
            found=f"{shutil.disk_usage(folder.parent).free / _MIB:,.1f} MiB free",
            where=str(folder),
            hint="free space there, or set TMPDIR to a folder on a disk with more room",
        ) from error


def says_full_disk(error: BaseException | str) -> bool:
    """Return whether the error of a tool, or its text, says that a disk is full."""
    return any(spelling in str(error) for spelling in _SPELLINGS)


def megabytes(size: int) -> str:
    """Return a number of bytes for a person."""
    return f"{size / _MIB:,.1f} MiB"
