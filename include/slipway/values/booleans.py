"""Booleans: true and false, their words, and 1 and 0."""

from __future__ import annotations

import math
from decimal import Decimal

from slipway.values.bad_value import BadValue
from slipway.values.text_format import (
    FALSE_WORDS,
    TRUE_WORDS,
    TextFormat,
    decoded,
    refused_text,
    stripped,
)

HINT = "expected true, false, 1 or 0; list other words in `csv.true` and `csv.false`"


def parse_boolean(value: object, fmt: TextFormat) -> bool | None:
    """Return a boolean; None for NaN and for a text that means "no value".

    Raises:
        BadValue: It is neither a truth value, nor 1 or 0, nor a word for one.
    """
    if isinstance(value, bool):
        return value
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, int | float | Decimal):
        if value in {0, 1}:
            return bool(value)
        raise BadValue("is a number other than 0 and 1, not a boolean")
    if isinstance(value, bytes | str):
        return _from_text(decoded(value), fmt)
    raise BadValue("is no boolean")


def _from_text(text: str, fmt: TextFormat) -> bool | None:
    bare = stripped(text, fmt)
    if bare is None:
        return None
    word = bare.lower()
    if word in TRUE_WORDS | fmt.true:
        return True
    if word in FALSE_WORDS | fmt.false:
        return False
    raise refused_text(bare, "boolean", hint=HINT)
