"""Read a local file in blocks of bytes, decompressed where its name says so."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from slipway.adapters.sources.unreadable import truncated
from slipway.errors import BadBatch

_GZIP = b"\x1f\x8b"
BLOCK_BYTES = 8 * 2**20


@contextmanager
def open_bytes(path: Path) -> Iterator[IO[bytes]]:
    """Open a file for reading; `….gz` is decompressed.

    Raises:
        BadBatch: It is no gzip, or ends too early; raised where it is read, too.
    """
    try:
        if path.suffix.lower() == ".gz":
            with gzip.open(path) as stream:
                yield cast(IO[bytes], stream)
        else:
            with path.open("rb") as stream:
                yield stream
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


def read_blocks(stream: IO[bytes]) -> Iterator[bytes]:
    """Return the rest of a stream in blocks, none of them empty."""
    while block := stream.read(BLOCK_BYTES):
        yield block
