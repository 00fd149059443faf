"""Parts of a moment that are numbers of a calendar or a clock: year, month, day, hour, minute."""

from __future__ import annotations

import re
from calendar import isleap, monthrange
from collections.abc import Mapping, Sequence
from typing import Literal, TypeVar

from slipway.values.bad_value import BadValue
from slipway.values.integers import parse_integer
from slipway.values.text_format import PLAIN, stripped
from slipway.values.value_types import Value

DatePart = Literal["year", "month", "day", "day_of_year", "hour", "minute", "second"]

T = TypeVar("T")

RANGES: Mapping[DatePart, tuple[int, int]] = {
    "year": (1000, 9999),
    "month": (1, 12),
    "day": (1, 31),
    "day_of_year": (1, 366),
    "hour": (0, 23),
    "minute": (0, 59),
    "second": (0, 59),
}
"""Least and largest number of each part; a year has four digits."""

OF_A_DAY: tuple[DatePart, ...] = ("year", "month", "day", "day_of_year")
OF_A_CLOCK: tuple[DatePart, ...] = ("hour", "minute", "second")

_MONTHS = (
    *("january", "february", "march", "april", "may", "june", "july", "august"),
    *("september", "october", "november", "december"),
)
_SHORTEST_NAME = 3
_NAME = re.compile(r"[^\W\d_]+\.?")
_TWO_DIGITS = 100


def part_text(part: DatePart, value: Value) -> str | None:
    """Return a part with the digits that ISO 8601 has for it; None for a text of "no value".

    Args:
        part: What the value is.
        value: A whole number, or the text of one; of a month its English name, too.

    Raises:
        BadValue: It is no such part.
    """
    number: int | None = None
    if isinstance(value, str):
        bare = stripped(value, PLAIN)
        if bare is None:
            return None
        number = _named_month(bare) if part == "month" else None
    try:
        number = parse_integer(value, PLAIN) if number is None else number
    except BadValue:
        raise _refused(part, value, None) from None
    least, largest = RANGES[part]
    if number is None or not least <= number <= largest:
        raise _refused(part, value, number)
    return str(number).zfill(len(str(largest)))


def day_text(parts: Mapping[DatePart, str]) -> str:
    """Return the day of some parts as ISO 8601 has it: the first one that they name.

    Args:
        parts: Texts of the year, and of what is known of month, day, or day of the year.

    Raises:
        BadValue: The month has no such day, or the year.
    """
    year, month = int(parts["year"]), int(parts.get("month", "1"))
    day = int(parts.get("day", "1"))
    if "day_of_year" in parts:
        month, day = 1, int(parts["day_of_year"])
        if day == RANGES["day_of_year"][1] and not isleap(year):
            raise BadValue("is beyond the last day of its year")
        while day > (length := monthrange(year, month)[1]):
            month, day = month + 1, day - length
    elif day > monthrange(year, month)[1]:
        raise BadValue("is beyond the last day of its month")
    return f"{parts['year']}-{month:02d}-{day:02d}"


def clock_parts(parts: Sequence[T]) -> tuple[T | str, ...]:
    """Return parts of a time of day as ISO 8601 has them: an hour alone has its minutes, too."""
    return (*parts, "00") if len(parts) == 1 else tuple(parts)


def _named_month(text: str) -> int | None:
    """Number of a month by its English name or the beginning of it; None where it is none."""
    name = text.rstrip(".").lower()
    found = [one for one in _MONTHS if one.startswith(name)]
    is_name = _NAME.fullmatch(text) is not None and len(name) >= _SHORTEST_NAME
    return _MONTHS.index(found[0]) + 1 if is_name and found else None


def _refused(part: DatePart, value: Value, number: int | None) -> BadValue:
    least, largest = RANGES[part]
    if part == "year":
        is_short = number is not None and 0 <= number < _TWO_DIGITS
        century = "a year of two digits may be of several centuries: deliver all four"
        return BadValue("is no year of four digits", hint=century if is_short else None)
    hint = None
    if part == "month" and isinstance(value, str) and _NAME.fullmatch(value.strip()):
        hint = "names of months are English, such as March or Mar: deliver others as numbers"
    if part == "hour" and number == largest + 1:
        hint = "hour 24 of a day is hour 0 of the next one: deliver it so"
    return BadValue(f"is no {part.replace('_', ' ')} from {least} to {largest}", hint=hint)
