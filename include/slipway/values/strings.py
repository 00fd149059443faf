"""Strings: texts as delivered, and whole numbers as their digits."""

from __future__ import annotations

from decimal import Decimal

from slipway.values.bad_value import BadValue
from slipway.values.text_format import TextFormat, decoded


def parse_string(value: object, fmt: TextFormat) -> str | None:
    """Return a text to the letter; None for an empty one and for a listed mark of a missing value.

    Neither case, blanks nor the Unicode form are changed. An integer becomes its digits.

    Raises:
        BadValue: It is no text and no integer, or no valid Unicode.
    """
    if isinstance(value, bytes):
        value = decoded(value)
    if isinstance(value, str):
        if not value.isascii():
            _require_unicode(value)
        return None if not value or value in fmt.missing else value
    if isinstance(value, bool):
        raise BadValue("is a boolean, not a text", hint="declare the column `type: boolean`")
    if isinstance(value, int):
        return str(value)
    if isinstance(value, Decimal) and value.is_finite() and value.as_tuple().exponent >= 0:  # type: ignore[operator]
        # Not by way of an integer, of which Python writes 4,300 digits at most.
        return format(value, "f") if value else "0"
    if isinstance(value, float | Decimal):
        hint = "deliver it as an integer or a text, or declare the column `type: number`"
        raise BadValue("is a number with a fraction part, not a text", hint=hint)
    raise BadValue("is no text")


def _require_unicode(text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise BadValue("has half of a surrogate pair, which is no Unicode text") from None
