"""Find files that look as if they were in another encoding than the declared one."""

from __future__ import annotations

import codecs
from pathlib import Path

from slipway.adapters.sources.byte_stream import open_bytes, read_blocks
from slipway.adapters.sources.text_blocks import wrong_encoding
from slipway.settings import DeliveryLimits


def encoding_doubts(
    path: Path, encoding: str, limits: DeliveryLimits | None = None
) -> tuple[str, ...]:
    """Return why a file may not be in its declared encoding.

    Almost any bytes are text in an encoding of one byte per character, so that a file in UTF-8 is
    read without an error and wrongly. That its bytes are valid UTF-8 beyond ASCII is no proof, and
    a warning therefore; its byte order mark is one. A file in the declared encoding is read up to
    its first character beyond ASCII.

    Args:
        path: File; `….gz` is decompressed.
        encoding: Name of its declared encoding, as Python spells it.
        limits: Limits of a delivery; None: those of the environment.

    Raises:
        BadBatch: It begins with the byte order mark of UTF-8, or cannot be decompressed.
    """
    if encoding.startswith("utf"):
        return ()
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_ascii = True
    with open_bytes(path, limits) as stream:
        for number, block in enumerate(read_blocks(stream)):
            if number == 0 and block.startswith(codecs.BOM_UTF8):
                raise wrong_encoding(encoding, "the byte order mark of UTF-8 at its begin")
            try:
                decoder.decode(block)
            except UnicodeDecodeError:
                return ()
            is_ascii = is_ascii and block.isascii()
    if is_ascii:
        return ()
    doubt = (
        f"the file is read as {encoding}, and all of it is valid UTF-8 with letters beyond ASCII; "
        "hint: if letters such as accented ones come out as two, set `csv: {encoding: utf-8}`"
    )
    return (doubt,)
