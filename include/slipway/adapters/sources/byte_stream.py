"""Read a local file in blocks of bytes, decompressed where its name says so."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from slipway.adapters.sources.limits import refuse_unpacked
from slipway.adapters.sources.unreadable import truncated
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits

_GZIP = b"\x1f\x8b"
BLOCK_BYTES = 8 * 2**20


@dataclass
class BoundedStream:
    """A file that is read from its begin, and no further than a delivery may be large.

    Attributes:
        stream: File.
        limits: Limits of a delivery.
    """

    stream: IO[bytes]
    limits: DeliveryLimits
    _passed: int = 0

    def read(self, size: int) -> bytes:
        """Return the next bytes.

        Raises:
            OverLimit: More of them than allowed were read.
        """
        return self._count(self.stream.read(size))

    def readline(self, size: int) -> bytes:
        """Return the next line, or its begin of so many bytes.

        Raises:
            OverLimit: More bytes than allowed were read.
        """
        return self._count(self.stream.readline(size))

    def _count(self, data: bytes) -> bytes:
        self._passed += len(data)
        refuse_unpacked(self._passed, self.limits)
        return data


@contextmanager
def open_bytes(path: Path, limits: DeliveryLimits | None = None) -> Iterator[BoundedStream]:
    """Open a file for reading; `….gz` is decompressed.

    Args:
        path: File.
        limits: Limits of a delivery; None: those of the environment.

    Raises:
        BadBatch: It is no gzip, or ends too early; raised where it is read, too.
    """
    limits = limits or DeliveryLimits()
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as stream:
                yield BoundedStream(cast(IO[bytes], stream), limits)
        else:
            with path.open("rb") as stream:
                yield BoundedStream(stream, limits)
    except (EOFError, zlib.error, gzip.BadGzipFile) as error:
        with path.open("rb") as stream:
            if stream.read(2) != _GZIP:
                raise BadBatch(
                    "the file cannot be read as a complete gzip file",
                    expected="gzip, as its name says",
                    found="bytes that are no gzip",
                    hint="name it without `.gz`",
                ) from error
        ends = isinstance(error, EOFError)
        raise truncated(
            "a complete gzip file",
            "a file that ends in the middle" if ends else "bytes that are no gzip",
        ) from error


def read_blocks(stream: BoundedStream) -> Iterator[bytes]:
    """Return the rest of a stream in blocks, none of them empty."""
    while block := stream.read(BLOCK_BYTES):
        yield block
