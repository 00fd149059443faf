"""Refusal of a value: the reason, and the setting that would accept it; never the value."""

from __future__ import annotations

import re

LONGEST_SHAPE = 24

_LETTERS = re.compile(r"[^\W\d_]")
_DIGITS = re.compile(r"\d")


class BadValue(Exception):
    """A value that its declared type cannot hold.

    Args:
        reason: What is wrong, to be read after the column's name, such as `is no number`.
        hint: What would accept it.
    """

    def __init__(self, reason: str, *, hint: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


def shape_of(value: object) -> str:
    """Return the shape of a value: digits as 9, letters as a, the type if it is no text.

    The shape tells a person what the file holds (`9,9` for a decimal comma), and no value.
    """
    if isinstance(value, bytes):
        return "bytes"
    if not isinstance(value, str):
        return f"a value of type {type(value).__name__}"
    shape = _LETTERS.sub("a", _DIGITS.sub("9", value[: LONGEST_SHAPE + 1]))
    shape = shape.replace("\u00a0", "<no-break space>")
    shown = shape if len(value) <= LONGEST_SHAPE else f"{shape[:LONGEST_SHAPE]}…"
    return shown.encode("unicode_escape").decode() if not shown.isprintable() else shown
