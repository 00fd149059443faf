"""Signs and separators of numbers that are not read, with what would read them."""

from __future__ import annotations

import re

from slipway.values.bad_value import BadValue

_GROUPED = re.compile(
    r"[+-]?[0-9]{1,3}(?:([,' _\u2019\u00a0\u202f\u2009])[0-9]{3})+(?:[.,][0-9]*)?"
)
_POINTS_BETWEEN_GROUPS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:\.[0-9]{3})+(?:,[0-9]*)?")
_OTHER_SIGN = re.compile(
    r"(?:[+-]{2,}|[+-] +|[+-]?[\u2010-\u2015\u2212\ufe63\uff0d] ?)[0-9.,]+|[0-9.,]+ ?[+-]"
)

_BLANKS = {
    " ": "a space",
    "\u00a0": r'a no-break space ("\u00a0")',
    "\u202f": r'a narrow no-break space ("\u202f")',
    "\u2009": r'a thin space ("\u2009")',
}


def hint_for_points(text: str, thousands: str | None) -> str:
    """Return what would read a number with points beside another decimal mark.

    Args:
        text: Number.
        thousands: Declared separator between groups of three digits, or None.
    """
    if not _POINTS_BETWEEN_GROUPS.fullmatch(text):
        return "points do not stand between groups of three digits; is the decimal mark a point?"
    if thousands is None:
        return 'set `csv: {thousands: "."}` in dataset.yaml if points stand between thousands'
    return _two_marks(".", thousands)


def refused_groups(text: str, thousands: str | None) -> BadValue | None:
    """Return the refusal of a number whose groups of three digits are separated; None for others.

    Args:
        text: Number, its decimal mark a point or a comma.
        thousands: Declared separator, or None.
    """
    found = _GROUPED.fullmatch(text)
    if found is None:
        return None
    mark, reason = found[1], "has separators between thousands"
    if thousands is None:
        named = f", which is {shown_mark(mark)} here" if mark in _BLANKS else ""
        return BadValue(reason, hint=f"set `csv.thousands` in dataset.yaml{named}")
    if mark != thousands:
        return BadValue(reason, hint=_two_marks(mark, thousands))
    hint = f"{shown_mark(mark)} stands between groups of three digits, the first without a zero"
    return BadValue("has separators that are not between thousands", hint=hint)


def refused_sign(text: str) -> BadValue | None:
    """Return the refusal of a number with another sign than one plain one; None for others."""
    if not _OTHER_SIGN.fullmatch(text):
        return None
    hint = "write one hyphen-minus (U+002D) right before the digits; a minus sign (U+2212) is none"
    return BadValue("has another sign than one `-` or `+` before its digits", hint=hint)


def shown_mark(mark: str) -> str:
    """Return a separator as a message names it."""
    return _BLANKS.get(mark, f"`{mark}`")


def _two_marks(found: str, declared: str) -> str:
    return (
        f"thousands are separated by {shown_mark(found)} here, and `csv.thousands` in "
        f"dataset.yaml is {shown_mark(declared)}"
    )
