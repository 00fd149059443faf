"""Write-ahead prediction log: append every request and its scores to a file before responding.

A segment belongs to one process, which holds a lock on it while it lives; the shipper takes over
segments that are not locked.
Each request is one `write(2)`: it survives the death of the process in the page cache and, with
`Options.fsync`, a power failure on the disk.
"""

from __future__ import annotations

import contextlib
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

from slipway.serving.prediction_log.disk_space import DiskSpace
from slipway.serving.server_options import MIB, Options
from slipway.stages.ports.raw_column import Kind

SUFFIX = ".wal"
UNOWNED_SUFFIX = ".new"
ROLL_BYTES = 16 * MIB


class Header(msgspec.Struct, array_like=True):
    """First line of a segment: the model version, columns and classes of all its records.

    Attributes:
        model: Name of the model.
        version: Its version.
        columns: Logged columns, with their kinds.
        classes: Classes of a multi-class model, in the order of its scores; None of others.
    """

    model: str
    version: int
    columns: list[tuple[str, Kind]]
    classes: list[int | str] | None = None


class Record(msgspec.Struct, array_like=True):
    """One answered request.

    Attributes:
        request_id: Id of the request; records with the same id are the same request.
        received_us: Time of arrival, microseconds since 1970 in UTC.
        keys: Keys of the rows, if sent.
        event_times_us: Event times of the rows, if sent.
        columns: Raw values by column, in the header's order.
        scores: One score per row; of a multi-class model a list of one per class.
        probe: Whether it was a check; checks are shipped apart from traffic.
        outlier_scores: How unusual each row is; None of a version that does not tell.
    """

    request_id: str
    received_us: int
    keys: list[str] | None
    event_times_us: list[int] | None
    columns: list[list[float | str | None]]
    scores: list[float | list[float]]
    probe: bool
    outlier_scores: list[float] | None = None


_encoder = msgspec.json.Encoder()
_BEGUN = re.compile(rf"-(?P<ns>\d+)-[0-9a-f]+{re.escape(SUFFIX)}$")


class WriteAheadLog:
    """Segments of one server process; thread-safe.

    Invariant: a record whose `append` failed is in no segment, except as a torn last line.

    Args:
        folder: Folder of the segments of one model.
        header: First line of each segment.
        options: Roll interval, durability and minimum of free disk space.
        roll_bytes: A segment is closed once it has this size.
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
        self._disk = DiskSpace(folder, min_free_bytes=options.min_free_bytes)

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
        """Append one record; once this returns, the record survives the death of this process.

        Raises:
            DiskNearlyFull: The disk has too little free space.
            OSError: The record was not written; the request must not be answered.
        """
        line = _line(record)
        with self._lock:
            self._disk.require()
            if self._descriptor is None:
                self._descriptor = self._open()
                line = self._header + line
            try:
                _write(self._descriptor, line)
                if self._options.fsync:
                    os.fdatasync(self._descriptor)
            except OSError:
                self._undo_append(self._descriptor)
                raise
            self._size += len(line)
            if self._size >= self._roll_bytes:
                self._release()

    def roll(self) -> None:
        """Release the segment to the shipper if its roll interval has passed."""
        with self._lock:
            # The wall clock may be set back.
            if time.monotonic() - self._opened_at >= self._options.roll_seconds:
                self._release()

    def close(self) -> None:
        """Release the segment to the shipper."""
        with self._lock:
            self._release()

    def free_bytes(self) -> int:
        """Free bytes on the log's disk for a process without privileges."""
        return self._disk.free_bytes()

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        # Only the random part makes names unique: the clock may be set back and repeat a time.
        path = self._folder / f"{self._stem}-{time.time_ns()}-{uuid4().hex}{SUFFIX}"
        unowned = path.with_suffix(UNOWNED_SUFFIX)
        descriptor = os.open(unowned, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        try:
            # The segment is locked before it gets the name that the shipper looks for.
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

    def _undo_append(self, descriptor: int) -> None:
        """Truncate a failed append; if that fails too, the torn line stays the last one."""
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
    """Age of the oldest segment that is not shipped yet; None if there is none.

    Args:
        folder: Log folder of one model or of all models.
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
