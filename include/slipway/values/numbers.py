"""Numbers: float64 within one range, and integers only where they are exact."""

from __future__ import annotations

import math
import re
from decimal import Decimal

from slipway.values.bad_value import BadValue
from slipway.values.text_format import (
    TextFormat,
    decoded,
    refused_number,
    stripped,
    with_point,
)
from slipway.values.value_types import LARGEST_EXACT, LARGEST_NUMBER

LONGEST_INTEGER = 40
"""Characters; a longer text of digits is beyond the range, or has zeros in front."""

_INTEGER = re.compile(r"[+-]?[0-9]+")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?")
_FAR = 10**40
_DECIMAL_COMMA = re.compile(r"[+-]?[0-9]*(?:\.[0-9]{3})*,[0-9]+")
_INFINITE = re.compile(r"[+-]?inf(?:inity)?", re.IGNORECASE)


def parse_number(value: object, fmt: TextFormat) -> float | None:
    """Return a number; None for NaN and for a text that means "no value".

    What is written with a point or an exponent becomes the nearest float64. What is written as an
    integer has to be exact, since it may be an identifier. Minus zero becomes zero.

    Raises:
        BadValue: It is no number, not finite, beyond the range, or not exact.
    """
    if isinstance(value, bool):
        raise BadValue("is a boolean, not a number", hint="declare the column `type: boolean`")
    if isinstance(value, float):
        return None if math.isnan(value) else in_range(value)
    if isinstance(value, int):
        return exact(value)
    if isinstance(value, Decimal):
        return _from_decimal(value)
    if isinstance(value, bytes | str):
        return _from_text(decoded(value), fmt)
    raise BadValue("is no number")


def in_range(value: float) -> float:
    """Return a number, minus zero as zero.

    Raises:
        BadValue: It is beyond the range, as infinity is.
    """
    if not -LARGEST_NUMBER <= value <= LARGEST_NUMBER:
        raise _beyond()
    return value + 0.0


def exact(value: int) -> float:
    """Return an integer as a number.

    Raises:
        BadValue: No float64 is equal to it, or it is beyond the range.
    """
    if -LARGEST_EXACT <= value <= LARGEST_EXACT:
        return float(value)
    number = in_range(float(max(-_FAR, min(_FAR, value))))
    if int(number) != value:
        hint = "declare an identifier `type: string` or `integer`"
        raise BadValue("is an integer beyond 2^53 that no number holds exactly", hint=hint)
    return number


def is_number_text(text: str) -> bool:
    """Return whether a text is a number with a point, or infinity, however large."""
    return bool(_NUMBER.fullmatch(text) or _INFINITE.fullmatch(text))


def _from_decimal(value: Decimal) -> float | None:
    if value.is_nan():
        return None
    is_integer = value.is_finite() and int(value.as_tuple().exponent) >= 0
    return exact(int(value)) if is_integer else in_range(float(value))


def _from_text(text: str, fmt: TextFormat) -> float | None:
    bare = stripped(text, fmt)
    if bare is None:
        return None
    bare = with_point(bare, fmt)
    if _INTEGER.fullmatch(bare) and len(bare) <= LONGEST_INTEGER:
        return exact(int(bare))
    if not _NUMBER.fullmatch(bare):
        raise _refused(bare, fmt)
    return in_range(float(bare))


def _beyond() -> BadValue:
    hint = "a no-data value of another system is a missing value: list it in `csv.missing`"
    return BadValue("is beyond \u00b11e30", hint=hint)


def _refused(bare: str, fmt: TextFormat) -> BadValue:
    if _INFINITE.fullmatch(bare):
        return _beyond()
    if _DECIMAL_COMMA.fullmatch(bare):
        hint = 'set `csv: {decimal: ","}` (and `csv.thousands`) in dataset.yaml'
        return BadValue("has a comma where a decimal point is expected", hint=hint)
    return refused_number(bare, "number", fmt)
