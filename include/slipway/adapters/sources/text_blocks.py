"""Read a text file in blocks of UTF-8, whatever its encoding."""

from __future__ import annotations

import codecs
from collections.abc import Iterator
from pathlib import Path

from slipway.adapters.sources.byte_stream import open_bytes, read_blocks
from slipway.errors import BadBatch
from slipway.settings import DeliveryLimits

_MARK = "\ufeff"


def read_text_blocks(
    path: Path, encoding: str, limits: DeliveryLimits | None = None
) -> Iterator[bytes]:
    """Return a text file's blocks in UTF-8, without a byte order mark.

    A file in UTF-8 passes unchecked; each cell is checked when it is read.

    Args:
        path: File; `….gz` is decompressed.
        encoding: Name of its encoding, as Python spells it.
        limits: Limits of a delivery; None: those of the environment.

    Raises:
        BadBatch: It is not in that encoding, or cannot be decompressed.
    """
    with open_bytes(path, limits) as stream:
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
        is_utf8 = _is_utf8(error.object)
        found = f"other bytes in line {line}{', which are UTF-8' if is_utf8 else ''}"
        raise wrong_encoding(encoding, found, is_utf8=is_utf8) from error
    except UnicodeError as error:
        raise wrong_encoding(encoding, "other bytes") from error


def _is_utf8(block: bytes) -> bool:
    """Whether a block that may end within a character is UTF-8 with more than ASCII."""
    if block.isascii():
        return False
    try:
        codecs.getincrementaldecoder("utf-8")().decode(block)
    except UnicodeDecodeError:
        return False
    return True


def wrong_encoding(encoding: str, found: str, *, is_utf8: bool = False) -> BadBatch:
    """Return the error of a file that is not in its encoding.

    Args:
        encoding: Declared encoding.
        found: What is there instead, and where.
        is_utf8: Whether it is known to be UTF-8.
    """
    name = "utf-8" if is_utf8 else "…"
    others = "" if is_utf8 else ", e.g. utf-8, cp1252, latin-1 or utf-16"
    return BadBatch(
        f"the file is not in the encoding {encoding}",
        expected=f"text in {encoding}",
        found=found,
        hint=f"set `csv: {{encoding: {name}}}` in dataset.yaml{others}",
    )
