"""Integers: whole numbers of 64 bits, never read through floating point."""

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
from slipway.values.value_types import INTEGER_MAX, INTEGER_MIN, LARGEST_EXACT

MOST_DIGITS = 19
"""Digits of the largest integer."""

_INTEGER = re.compile(r"([+-]?)0*([0-9]*)(?:\.0*)?", re.ASCII)
_FRACTION = re.compile(r"[+-]?[0-9]*[.,][0-9]+")


def parse_integer(value: object, fmt: TextFormat) -> int | None:
    """Return an integer; None for NaN and for a text that means "no value".

    Raises:
        BadValue: It is no whole number, beyond 64 bits, or not exact as a float.
    """
    if isinstance(value, bool):
        hint = "declare the column `type: boolean`"
        raise BadValue("is a boolean, not an integer", hint=hint)
    if isinstance(value, int):
        return _in_range(value)
    if isinstance(value, float):
        return _from_float(value)
    if isinstance(value, Decimal):
        if not value.is_finite() or value != value.to_integral_value():
            raise BadValue("has a fraction part, so it is no integer")
        return _in_range(int(value))
    if isinstance(value, bytes | str):
        return _from_text(decoded(value), fmt)
    raise BadValue("is no integer")


def _from_float(value: float) -> int | None:
    if math.isnan(value):
        return None
    if not value.is_integer():
        raise BadValue("has a fraction part, so it is no integer")
    if abs(value) > LARGEST_EXACT:
        hint = "deliver it as an integer or a text"
        raise BadValue("is a float beyond 2^53, where integers are not exact", hint=hint)
    return int(value)


def _from_text(text: str, fmt: TextFormat) -> int | None:
    bare = stripped(text, fmt)
    if bare is None:
        return None
    bare = with_point(bare, fmt)
    found = _INTEGER.fullmatch(bare)
    if found is None or not any(map(str.isdigit, bare)):
        if _FRACTION.fullmatch(bare):
            raise BadValue("has a fraction part, so it is no integer")
        raise refused_number(bare, "integer", fmt)
    sign, digits = found.groups()
    if len(digits) > MOST_DIGITS:
        raise _beyond()
    return _in_range(int(f"{sign}{digits or 0}"))


def _in_range(value: int) -> int:
    if not INTEGER_MIN <= value <= INTEGER_MAX:
        raise _beyond()
    return value


def _beyond() -> BadValue:
    hint = "declare an identifier `type: string`"
    return BadValue("is an integer beyond 64 bits", hint=hint)
