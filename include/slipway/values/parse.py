"""Parse one value of any declared type: the single definition that all readers share."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from slipway.values.booleans import parse_boolean
from slipway.values.integers import parse_integer
from slipway.values.missing_numbers import is_missing
from slipway.values.numbers import parse_number
from slipway.values.strings import parse_string
from slipway.values.text_format import PLAIN, TextFormat
from slipway.values.timestamps import parse_timestamp
from slipway.values.value_types import ColumnType, Value

PARSERS: Mapping[ColumnType, Callable[[object, TextFormat], Value | None]] = {
    "string": parse_string,
    "integer": parse_integer,
    "number": parse_number,
    "boolean": parse_boolean,
    "timestamp": parse_timestamp,
}


def parse(value: object, kind: ColumnType, fmt: TextFormat = PLAIN) -> Value | None:
    """Return a value in its canonical form, or None if it is missing.

    Args:
        value: As a reader of a format returns it: None, bool, int, float, Decimal, str, bytes,
            date or datetime; anything else is refused.
        kind: Declared type.
        fmt: Spelling of texts, and marks of missing values.

    Raises:
        BadValue: The type cannot hold it.
    """
    return None if is_missing(value, fmt) else PARSERS[kind](value, fmt)
