"""Back-pressure on a nearly full disk: refuse to log, and so to answer, below a minimum."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path

from slipway.serving.server_options import MIB

CHECK_SECONDS = 0.1


class DiskNearlyFull(OSError):
    """The log's disk has less free space than its minimum; checked again at the next request."""


class DiskSpace:
    """Free space of the disk that holds a folder.

    Args:
        folder: The folder; created if it does not exist.
        min_free_bytes: Minimum of free space.
    """

    def __init__(self, folder: Path, *, min_free_bytes: int) -> None:
        self._folder = folder
        self._min_free_bytes = min_free_bytes
        self._next_check_at = 0.0

    def free_bytes(self) -> int:
        """Free bytes for a process without privileges."""
        try:
            disk = os.statvfs(self._folder)
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def require(self) -> None:
        """Raise if the disk is nearly full.

        Raises:
            DiskNearlyFull: Less than the minimum is free.
        """
        now = time.monotonic()
        if now < self._next_check_at:
            return
        if self.free_bytes() < self._min_free_bytes:
            mib = f"{self._min_free_bytes / MIB:g} MiB"
            text = f"less than {mib} are free on the disk of the prediction log"
            raise DiskNearlyFull(errno.ENOSPC, text)
        # Only a successful check is cached, so that serving resumes as soon as space is freed.
        self._next_check_at = now + CHECK_SECONDS
