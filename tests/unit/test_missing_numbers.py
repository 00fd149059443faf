"""Marks of missing values that are numbers apply to typed numbers, by value, and NaN always."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest

from slipway.values.arrays import cast_array
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.text_format import PLAIN, TextFormat
from slipway.values.value_types import ColumnType

MARKS = TextFormat(missing=frozenset({"-9999", "1e39", "9.96921e36", "?", "inf", "0.5"}))
TYPED = [
    -9999,
    -9999.0,
    Decimal(-9999),
    Decimal("-9999.00"),
    1e39,
    10**39,
    float("inf"),
    0.5,
    float("nan"),
    Decimal("NaN"),
]


@pytest.mark.parametrize("kind", ["string", "integer", "number", "timestamp", "boolean"])
@pytest.mark.parametrize("value", TYPED, ids=repr)
def test_a_typed_number_is_missing_by_its_value(kind: ColumnType, value: Any) -> None:
    """In a column of every type, however the number is typed."""
    assert parse(value, kind, MARKS) is None
    assert cast_array([value], kind, MARKS).values.to_pylist() == [None]
    assert cast_array([value], kind, MARKS).refused == ()


@pytest.mark.parametrize(
    ("value", "kind"),
    [(-9998, pa.int64()), (-9999, pa.int16()), (-9999.0, pa.float64()), (-9999.0, pa.float32())],
)
@pytest.mark.parametrize("declared", ["number", "integer"])
def test_arrays_are_cast_as_cells_are(value: Any, kind: pa.DataType, declared: ColumnType) -> None:
    """Whole arrays and single values agree."""
    given = pa.array([value, 7, None], kind)
    cast = cast_array(given, declared, MARKS)
    assert cast.values.to_pylist() == [parse(one, declared, MARKS) for one in given.to_pylist()]
    assert cast.refused == ()


def test_decimals_and_unsigned_integers_have_marks_too() -> None:
    """Arrays of every type of number."""
    given = pa.array([Decimal("-9999.0"), Decimal("1.5")], pa.decimal128(9, 1))
    assert cast_array(given, "number", MARKS).values.to_pylist() == [None, 1.5]
    unsigned = TextFormat(missing=frozenset({"65535", "-1"}))
    given = pa.array([65535, 1], pa.uint16())
    assert cast_array(given, "integer", unsigned).values.to_pylist() == [None, 1]


def test_a_mark_beyond_64_bits_is_no_integer_near_it() -> None:
    """2^63 - 1 and 2^63 are one float64, and two integers."""
    fmt = TextFormat(missing=frozenset({str(2**63 - 1)}))
    assert parse(2**63 - 1, "integer", fmt) is None
    assert parse(2**63 - 2, "integer", fmt) == 2**63 - 2
    with pytest.raises(BadValue, match="beyond 64 bits"):
        parse(2**63, "integer", fmt)


def test_a_mark_fits_what_float32_has_left_of_it() -> None:
    """A no-data value of another system has been rounded in a column of float32."""
    given = pa.array([9.96921e36, 1.0], pa.float32())
    cast = cast_array(given, "number", MARKS)
    assert (cast.values.to_pylist(), cast.refused) == ([None, 1.0], ())
    half = cast_array(pa.array([0.5, 1.0], pa.float32()).cast(pa.float16()), "number", MARKS)
    assert half.values.to_pylist() == [None, 1.0]


def test_a_mark_is_read_with_the_separators_of_the_dialect() -> None:
    """`-9.999,0` of a German file is -9999."""
    fmt = TextFormat(decimal=",", thousands=".", missing=frozenset({"-9.999,0", "1.5"}))
    assert parse(-9999, "number", fmt) is None
    assert parse(1.5, "number", fmt) == 1.5


def test_texts_and_booleans_are_no_numbers() -> None:
    """A mark applies to a text to the letter, and to no boolean; without marks nothing changes."""
    assert parse("-9999.0", "number", MARKS) == -9999
    flag: object = True
    assert parse(flag, "boolean", TextFormat(missing=frozenset({"1"}))) is flag
    assert parse(-9999, "number", PLAIN) == -9999


def test_nan_is_missing_in_a_string_column() -> None:
    """As in a column of any other type, alone and in an array of floats."""
    nan = float("nan")
    assert parse(nan, "string", PLAIN) is None
    cast = cast_array(pa.array([nan, None]), "string")
    assert (cast.values.to_pylist(), cast.refused) == ([None, None], ())
