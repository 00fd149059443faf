"""How texts of a delivery spell missing values, numbers, truth values and times."""

from __future__ import annotations

import re
from dataclasses import dataclass

from slipway.values.bad_value import BadValue
from slipway.values.number_marks import hint_for_points, refused_groups, refused_sign
from slipway.values.units import refused_unit, without_unit

BLANKS = " \t\r\n"
"""Stripped from texts of every type but string; a no-break space is not."""

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "nat", "none", "null"})
"""Texts that mean "no value" in a column of another type than string, in any case."""

TRUE_WORDS = frozenset({"true", "1", "1.0"})
FALSE_WORDS = frozenset({"false", "0", "0.0"})

_PLACEHOLDERS = frozenset(
    {"?", r"\n", "#n/a", "-", "--", ".", "nil", "missing", "unknown", "#null!"}
)


@dataclass(frozen=True)
class TextFormat:
    """Spelling of values in texts.

    Attributes:
        decimal: Decimal mark.
        thousands: Separator between groups of three digits; None: there is none.
        missing: Texts that mean "no value" in every column, to the letter; one that is a number
            also means it where a number has its value.
        true: Further texts for true, in lower case.
        false: Further texts for false, in lower case.
        timestamp: `strptime` format, `epoch_seconds` or `epoch_milliseconds`; None: ISO 8601.
        timezone: IANA zone of timestamps without an offset; None: UTC.
        unit: What stands beside numbers and is no part of their values, such as `$` or `%`; a
            number without it is taken, too. None: nothing does.
        parentheses: Whether parentheses around a number mean a negative one.
    """

    decimal: str = "."
    thousands: str | None = None
    missing: frozenset[str] = frozenset()
    true: frozenset[str] = frozenset()
    false: frozenset[str] = frozenset()
    timestamp: str | None = None
    timezone: str | None = None
    unit: str | None = None
    parentheses: bool = False

    @property
    def spells_integers(self) -> bool:
        """Whether integers may have other texts than a sign and digits."""
        return self.thousands is not None or self.unit is not None or self.parentheses


PLAIN = TextFormat()
"""Point, no thousands separators, ISO 8601, UTC."""


def decoded(value: str | bytes) -> str:
    """Return a text; bytes are UTF-8.

    Raises:
        BadValue: The bytes are no UTF-8.
    """
    if isinstance(value, str):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        hint = "write it in UTF-8; the encoding of CSV is `csv.encoding` of dataset.yaml"
        raise BadValue("has bytes that are no UTF-8", hint=hint) from None


def stripped(text: str, fmt: TextFormat) -> str | None:
    """Return a text without surrounding blanks, or None if it means "no value"."""
    bare = text.strip(BLANKS)
    return None if bare in fmt.missing or bare.lower() in MISSING_WORDS else bare


def refused_text(text: str, expected: str, *, hint: str | None = None) -> BadValue:
    """Return the refusal of a text that has not the expected form."""
    if text.lower() in _PLACEHOLDERS:
        hint = "list the marks of missing values in `csv.missing` of dataset.yaml"
        return BadValue("looks like a mark for a missing value", hint=hint)
    if re.search(r"[^\S \t\r\n]", text):
        return BadValue(
            "has a blank that is no plain space, such as a no-break space",
            hint="only spaces, tabs and line breaks around a value are passed over",
        )
    return BadValue(f"is no {expected}", hint=hint)


def refused_number(text: str, expected: str, fmt: TextFormat) -> BadValue:
    """Return the refusal of a text that is no number of a format, from `with_point`."""
    known = refused_groups(text, fmt.thousands) or refused_sign(text)
    return known or refused_unit(text, expected, fmt.unit) or refused_text(text, expected)


def with_point(text: str, fmt: TextFormat) -> str:
    """Return a number's text with a point for the decimal mark, and without separators and unit.

    Raises:
        BadValue: It has a point that is neither the decimal mark nor between thousands.
    """
    if fmt.unit is not None or fmt.parentheses:
        text = without_unit(text, fmt.unit, parentheses=fmt.parentheses)
    mark, point = re.escape(fmt.thousands or ""), re.escape(fmt.decimal)
    grouped = rf"[+-]?[1-9][0-9]{{0,2}}(?:{mark}[0-9]{{3}})+(?:{point}[0-9]*)?"
    if fmt.thousands and re.fullmatch(grouped, text):
        text = text.replace(fmt.thousands, "")
    if fmt.decimal == ".":
        return text
    if "." in text and re.fullmatch(r"[+-]?[0-9.,]+(?:[eE][+-]?[0-9]+)?", text):
        reason = f"has a point, where `{fmt.decimal}` is the decimal mark"
        raise BadValue(reason, hint=hint_for_points(text, fmt.thousands))
    return text.replace(fmt.decimal, ".")
