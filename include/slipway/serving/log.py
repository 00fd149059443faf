"""The write-ahead prediction log: every answered request, in a file, before its reply is sent.

One segment belongs to one process, which holds a lock on it for as long as it lives.
One `write(2)` per request: the page cache keeps it when the process dies, however it dies.
The shipper takes over a segment once nobody holds it.
"""

from __future__ import annotations

import fcntl
import os
import threading
import time
from pathlib import Path
from types import TracebackType
from typing import Self
from uuid import uuid4

import msgspec

from slipway.serving.tensors import Kind

SUFFIX = ".wal"


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


class WriteAheadLog:
    """Segments of one server process, written by one thread, rolled by another.

    Args:
        folder: Where segments lie; one folder per model.
        header: Written at the head of each segment.
        roll_seconds: A segment is handed to the shipper after so long.
        roll_bytes: Or when it is so large.
    """

    def __init__(
        self, folder: Path, *, header: Header, roll_seconds: float, roll_bytes: int = 16 << 20
    ) -> None:
        self._folder = folder
        self._header = _line(header)
        self._stem = f"{header.model}-v{header.version}"
        self._roll_seconds = roll_seconds
        self._roll_bytes = roll_bytes
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._opened_at = 0.0
        self._size = 0

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
            OSError: It was not written; the request must not be answered.
        """
        line = _line(record)
        with self._lock:
            if self._descriptor is None:
                self._descriptor = self._open()
                line = self._header + line
            try:
                _write(self._descriptor, line)
            except OSError:
                # The torn line must stay the last one of its segment.
                self._release()
                raise
            self._size += len(line)

    def roll(self) -> None:
        """Hand the segment to the shipper if it is old or large enough."""
        with self._lock:
            age_seconds = time.monotonic() - self._opened_at
            if age_seconds >= self._roll_seconds or self._size >= self._roll_bytes:
                self._release()

    def close(self) -> None:
        """Hand the segment to the shipper."""
        with self._lock:
            self._release()

    def _open(self) -> int:
        self._folder.mkdir(parents=True, exist_ok=True)
        name = f"{self._stem}-{time.time_ns()}-{os.getpid()}-{uuid4().hex[:8]}"
        path = self._folder / (name + SUFFIX)
        unowned = path.with_suffix(".new")
        descriptor = os.open(unowned, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        # Only a segment that is already locked gets a name that the shipper looks at.
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        unowned.rename(path)
        self._opened_at = time.monotonic()
        self._size = 0
        return descriptor

    def _release(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None


def _line(value: Header | Record) -> bytes:
    return _encoder.encode(value) + b"\n"


def _write(descriptor: int, line: bytes) -> None:
    written = os.write(descriptor, line)
    while written < len(line):
        written += os.write(descriptor, line[written:])
