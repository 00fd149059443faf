"""The write-ahead prediction log: every answered request, in a file, before its reply is sent.

One segment belongs to one process, which holds a lock on it for as long as it lives.
One `write(2)` per request: the page cache keeps it when the process dies, however it dies; with
`Options.fsync` the disk has it as well, and keeps it through a power cut.
The shipper takes over a segment once nobody holds it.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import re
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import msgspec

from slipway.serving.server_options import MIB, Options
from slipway.serving.v2.tensors import Kind

SUFFIX = ".wal"
UNOWNED_SUFFIX = ".new"
ROLL_BYTES = 16 * MIB
LOOK_SECONDS = 0.1


class Header(msgspec.Struct, array_like=True):
    """First line of a segment: what all of its records share."""

    model: str
    version: int
    columns: list[tuple[str, Kind]]


class Record(msgspec.Struct, array_like=True):
    """One answered request.

    Attributes:
        request_id: Names the request; a repeated one is the same request.
        received_us: When it arrived, microseconds since 1970 in UTC.
        keys: The rows' keys, if they were sent.
        event_times_us: When the rows happened, if that was sent.
        columns: Raw values by column, in the header's order.
        scores: The answer.
        probe: Whether it was a check, which is kept apart from what clients asked.
    """

    request_id: str
    received_us: int
    keys: list[str] | None
    event_times_us: list[int] | None
    columns: list[list[float | str | None]]
    scores: list[float]
    probe: bool


_encoder = msgspec.json.Encoder()
_BEGUN = re.compile(rf"-(?P<ns>\d+)-[0-9a-f]+{re.escape(SUFFIX)}$")


class DiskNearlyFull(OSError):
    """The log's disk has less free than it shall keep; it is asked again at the next request."""


class WriteAheadLog:
    """Segments of one server process; any of its threads may append.

    Invariant: what `append` refused is in no segment, but for a torn line at the end of one.

    Args:
        folder: Where segments lie; one folder per model.
        header: Written at the head of each segment.
        options: When a segment is rolled, how durable an append is, what the disk keeps free.
        roll_bytes: A segment ends with the record that makes it so large.
    """

    def __init__(
        self, folder: Path, *, header: Header, options: Options, roll_bytes: int = ROLL_BYTES
    ) -> None:
        self._folder = folder
        self._header = _line(header)
        self._stem = f"{header.model}-v{header.version}"
        self._options = options
        self._roll_bytes = roll_bytes
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._path = folder
        self._opened_at = 0.0
        self._size = 0
        self._look_at = 0.0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def append(self, record: Record) -> None:
        """Add one record; once this returns, the death of this process cannot lose it.

        Raises:
            DiskNearlyFull: There is too little space left.
            OSError: It was not written; the request must not be answered.
        """
        line = _line(record)
        with self._lock:
            self._refuse_when_nearly_full()
            if self._descriptor is None:
                self._descriptor = self._open()
                line = self._header + line
            try:
                _write(self._descriptor, line)
                if self._options.fsync:
                    os.fdatasync(self._descriptor)
            except OSError:
                self._take_back(self._descriptor)
                raise
            self._size += len(line)
            if self._size >= self._roll_bytes:
                self._release()

    def roll(self) -> None:
        """Hand the segment to the shipper if it is old enough."""
        with self._lock:
            # Not by the wall clock, which may be set back.
            if time.monotonic() - self._opened_at >= self._options.roll_seconds:
                self._release()

    def close(self) -> None:
        """Hand the segment to the shipper."""
        with self._lock:
            self._release()

    def free_bytes(self) -> int:
        """What is free on the log's disk for a process without privileges."""
        try:
            disk = os.statvfs(self._folder)
        except FileNotFoundError:
            self._folder.mkdir(parents=True, exist_ok=True)
            disk = os.statvfs(self._folder)
        return disk.f_bavail * disk.f_frsize

    def _refuse_when_nearly_full(self) -> None:
        now = time.monotonic()
        if now < self._look_at:
            return
        needed = self._options.min_free_bytes
        if self.free_bytes() < needed:
            text = f"less than {needed / MIB:g} MiB are free on the disk of the prediction log"
            raise DiskNearlyFull(errno.ENOSPC, text)
        # Only a look that found space enough counts for a while.
        self._look_at = now + LOOK_SECONDS

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        # The random part alone keeps names apart: a clock that was set back repeats itself.
        path = self._folder / f"{self._stem}-{time.time_ns()}-{uuid4().hex}{SUFFIX}"
        unowned = path.with_suffix(UNOWNED_SUFFIX)
        descriptor = os.open(unowned, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            # Only a segment that is already locked gets a name that the shipper looks at.
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            unowned.rename(path)
            if self._options.fsync:
                _sync_folder(self._folder)
        except OSError:
            with contextlib.suppress(OSError):
                unowned.unlink(missing_ok=True)
                path.unlink(missing_ok=True)
            os.close(descriptor)
            raise
        self._path = path
        self._opened_at = time.monotonic()
        self._size = 0
        return descriptor

    def _take_back(self, descriptor: int) -> None:
        """Leave no trace of a failed append; where that fails too, it stays the last line."""
        with contextlib.suppress(OSError):
            os.ftruncate(descriptor, self._size)
            if self._size == 0:
                self._path.unlink()
        self._release()

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def unshipped_seconds(folder: Path) -> float | None:
    """Age of the oldest segment that is still on this machine; None when there is none.

    Args:
        folder: One model's log folder, or the folder of all of them.
    """
    names = map(_BEGUN.search, map(str, folder.rglob(f"*{SUFFIX}")))
    begun = [int(name["ns"]) for name in names if name]
    return max(0.0, (time.time_ns() - min(begun)) / 1e9) if begun else None


def _line(value: Header | Record) -> bytes:
    return _encoder.encode(value) + b"\n"


def _write(descriptor: int, line: bytes) -> None:
    written = os.write(descriptor, line)
    while written < len(line):
        written += os.write(descriptor, line[written:])


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
