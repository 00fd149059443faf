"""Numbers that mean a missing value: NaN, and the marks of `csv.missing` that are numbers.

A mark applies to a typed number by its value, as it applies to a text to the letter, so that a
value is the same in every format.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING

from slipway.values.bad_value import BadValue
from slipway.values.numbers import is_number_text
from slipway.values.text_format import BLANKS, TextFormat, with_point

if TYPE_CHECKING:
    import pyarrow as pa


@dataclass(frozen=True)
class MissingNumbers:
    """Marks of missing values that are numbers.

    Attributes:
        exact: As they are written; what integers and decimals are compared with.
        floats: The float64 nearest to each; what floats are compared with.
    """

    exact: frozenset[Decimal]
    floats: frozenset[float]


@lru_cache(maxsize=256)
def missing_numbers(fmt: TextFormat) -> MissingNumbers:
    """Return the marks of a format that are numbers."""
    texts = [text for mark in fmt.missing if (text := _plain(mark, fmt)) is not None]
    return MissingNumbers(frozenset(map(Decimal, texts)), frozenset(map(float, texts)))


def _plain(mark: str, fmt: TextFormat) -> str | None:
    try:
        text = with_point(mark.strip(BLANKS), fmt)
    except BadValue:
        return None
    return text if is_number_text(text) else None


def is_missing(value: object, fmt: TextFormat) -> bool:
    """Return whether a value that is no text means "no value"."""
    if value is None:
        return True
    if isinstance(value, float):
        return math.isnan(value) or (bool(fmt.missing) and value in missing_numbers(fmt).floats)
    if isinstance(value, Decimal) and value.is_nan():
        return True
    if isinstance(value, bool) or not isinstance(value, int | Decimal):
        return False
    return bool(fmt.missing) and value in missing_numbers(fmt).exact


def without_missing_numbers(array: pa.Array, fmt: TextFormat) -> pa.Array:
    """Return an array of numbers with null for each mark; any other array as it is."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if not fmt.missing or not missing_numbers(fmt).floats:
        return array
    if pa.types.is_floating(array.type):
        # A mark in a column of float32 has been rounded to float32.
        kind = pa.float64() if pa.types.is_float64(array.type) else pa.float32()
        marks = pa.array(sorted(missing_numbers(fmt).floats), pa.float64()).cast(kind)
        array = array.cast(kind)
        found = pc.is_in(array, marks)
    elif pa.types.is_integer(array.type) or pa.types.is_decimal(array.type):
        exact = missing_numbers(fmt).exact
        distinct = [one for one in array.unique().to_pylist() if one is not None and one in exact]
        found = pc.is_in(array, pa.array(distinct, array.type))
    else:
        return array
    return pc.if_else(found, pa.scalar(None, array.type), array)
