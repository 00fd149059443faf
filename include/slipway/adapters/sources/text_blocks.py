"""Read a text file in blocks of UTF-8, whatever its encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from slipway.adapters.sources.byte_stream import open_bytes, read_blocks
from slipway.errors import BadBatch

_MARK = "\ufeff"


def read_text_blocks(path: Path, encoding: str) -> Iterator[bytes]:
    """Return a text file's blocks in UTF-8, without a byte order mark.

    A file in UTF-8 passes unchecked; each cell is checked when it is read.

    Args:
        path: File; `….gz` is decompressed.
        encoding: Name of its encoding, as Python spells it.

    Raises:
        BadBatch: It is not in that encoding, or cannot be decompressed.
    """
    with open_bytes(path) as stream:
        blocks = read_blocks(stream)
        is_utf8 = encoding in {"utf-8", "utf-8-sig"}
        yield from _without_mark(blocks if is_utf8 else _transcoded(blocks, encoding))


def _without_mark(blocks: Iterator[bytes]) -> Iterator[bytes]:
    first = next(blocks, b"")
    yield first.removeprefix(_MARK.encode())
    yield from blocks


def _transcoded(blocks: Iterator[bytes], encoding: str) -> Iterator[bytes]:
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    try:
        for block in blocks:
            text = decoder.decode(block)
            line += text.count("\n")
            yield text.encode()
        yield decoder.decode(b"", final=True).encode()
    except UnicodeDecodeError as error:
        line += error.object[: error.start].decode(encoding, "replace").count("\n")
        raise wrong_encoding(encoding, f"other bytes in line {line}") from error
    except UnicodeError as error:
        raise wrong_encoding(encoding, "other bytes") from error


def wrong_encoding(encoding: str, found: str) -> BadBatch:
    """Return the error of a file that is not in its encoding.

    Args:
        encoding: Declared encoding.
        found: What is there instead, and where.
    """
    return BadBatch(
        f"the file is not in the encoding {encoding}",
        expected=f"text in {encoding}",
        found=found,
        hint="set `csv: {encoding: …}` in dataset.yaml, e.g. utf-8, cp1252, latin-1 or utf-16",
    )
