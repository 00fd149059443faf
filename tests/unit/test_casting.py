"""Casting: cells become the declared types or are listed as failed; nothing is raised."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.spec import Column
from slipway.stages.ingest.casting import cast
from slipway.values.value_types import ColumnType

DTYPES = {
    "string": "str",
    "integer": "Int64",
    "number": "float64",
    "boolean": "boolean",
    "timestamp": "datetime64[us, UTC]",
}
TYPES: list[ColumnType] = ["string", "integer", "number", "boolean", "timestamp"]
ANY_COLUMN = st.one_of(
    st.lists(st.text() | st.none(), min_size=1).map(lambda cells: pd.Series(cells, dtype="str")),
    st.lists(st.integers(-(2**63), 2**63 - 1) | st.none(), min_size=1).map(
        lambda cells: pd.Series(cells, dtype="Int64")
    ),
    st.lists(st.integers(0, 2**64 - 1) | st.none(), min_size=1).map(
        lambda cells: pd.Series(cells, dtype="UInt64")
    ),
    st.lists(st.floats() | st.none(), min_size=1).map(lambda cells: pd.Series(cells, dtype=float)),
    st.lists(st.booleans() | st.none(), min_size=1).map(
        lambda cells: pd.Series(cells, dtype="boolean")
    ),
    st.lists(st.datetimes() | st.none(), min_size=1).map(
        lambda cells: pd.Series(cells, dtype="datetime64[us]")
    ),
    st.lists(st.binary() | st.none(), min_size=1).map(
        lambda cells: pd.Series(cells, dtype="object")
    ),
)


def _cast(cells: pd.Series, kind: ColumnType) -> tuple[list[Any], list[int]]:
    """Values (None where null) and positions that failed."""
    cells = cells.reset_index(drop=True)
    casting = cast(cells.to_frame("x"), {"x": Column(type=kind)})
    column = casting.frame["x"]
    failed = casting.failed.get("x", pd.Series(data=False, index=cells.index))
    return [None if pd.isna(one) else one for one in column], list(cells.index[failed])


def _text(*cells: str | None) -> pd.Series:
    return pd.Series(cells, dtype="str")


@given(ANY_COLUMN, st.sampled_from(TYPES))
def test_every_cell_is_a_value_of_its_type_or_null_or_listed(
    cells: pd.Series, kind: ColumnType
) -> None:
    """For any delivery the column has its declared type, and no value is lost unlisted."""
    casting = cast(cells.to_frame("x"), {"x": Column(type=kind)})
    column = casting.frame["x"]
    assert column.dtype == pd.api.types.pandas_dtype(DTYPES[kind])
    failed = casting.failed.get("x", pd.Series(data=False, index=cells.index))
    assert column[failed].isna().all()
    kept = cells.notna() & ~failed
    if kind == "string" or not isinstance(cells.dtype, pd.StringDtype):
        assert column[kept].notna().all()


@given(st.lists(st.integers(-(10**18) + 1, 10**18 - 1), min_size=1))
def test_integers_survive_text_exactly(numbers: list[int]) -> None:
    """Long integers do not pass through a float."""
    assert _cast(_text(*map(str, numbers)), "integer") == (numbers, [])


@given(st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=1))
def test_numbers_survive_text(numbers: list[float]) -> None:
    """In Python's notation."""
    values, failed = _cast(_text(*map(repr, numbers)), "number")
    assert failed == []
    assert values == numbers


@pytest.mark.parametrize(
    ("kind", "cells", "values", "failed"),
    [
        ("integer", ["5", " -7 ", "+3", "8.0", "9."], [5, -7, 3, 8, 9], []),
        ("integer", ["5.5", "five", "1e3", "0x1F"], [None] * 4, [0, 1, 2, 3]),
        ("integer", ["9999999999999999999"], [None], [0]),
        ("number", ["1.5", "1e3", " 2 ", "-0"], [1.5, 1000.0, 2.0, 0.0], []),
        ("number", ["1,5", "inf", "-Infinity", "1e999", "12 mi"], [None] * 5, [0, 1, 2, 3, 4]),
        ("boolean", ["true", "FALSE", "1", "0"], [True, False, True, False], []),
        ("boolean", ["yes", "2"], [None, None], [0, 1]),
        ("string", ["007", "NA", " x "], ["007", "NA", " x "], []),
        ("timestamp", ["yesterday", "2013-02-30", "1e9"], [None] * 3, [0, 1, 2]),
    ],
)
def test_text_is_cast_as_written(
    kind: ColumnType, cells: list[str], values: list[Any], failed: list[int]
) -> None:
    """A text that is not clearly a value of the type fails."""
    assert _cast(_text(*cells), kind) == (values, failed)


@pytest.mark.parametrize("kind", ["integer", "number", "boolean", "timestamp"])
def test_na_words_are_null(kind: ColumnType) -> None:
    """`NA` and the like are missing values, except in a text column."""
    assert _cast(_text("", "NA", "NaN", "null", "None", None), kind) == ([None] * 6, [])


def test_timestamps_become_utc() -> None:
    """A time zone is applied; a timestamp without one is taken as UTC."""
    moment = datetime(2013, 3, 10, 7, 30, tzinfo=UTC)
    given_ = _text("2013-03-10T07:30:00Z", "2013-03-10 02:30:00-05:00", "2013-03-10 07:30")
    assert _cast(given_, "timestamp") == ([moment] * 3, [])
    local = pd.Series([moment]).dt.tz_convert("America/New_York")
    assert _cast(local, "timestamp") == ([moment], [])
    assert _cast(local.dt.tz_convert("UTC").dt.tz_localize(None), "timestamp") == ([moment], [])


@pytest.mark.parametrize(
    ("kind", "cells", "values", "failed"),
    [
        ("integer", pd.Series([1.0, 2.5, None, float("inf")]), [1, None, None, None], [1, 3]),
        ("integer", pd.Series([True, None], dtype="boolean"), [1, None], []),
        ("integer", pd.Series([1, 2**63], dtype="UInt64"), [1, None], [1]),
        ("number", pd.Series([1, None], dtype="Int64"), [1.0, None], []),
        ("number", pd.Series([1.0, float("-inf"), None]), [1.0, None, None], [1]),
        ("string", pd.Series([7, None], dtype="Int64"), ["7", None], []),
        ("string", pd.Series([7.0, None]), [None, None], [0]),
        ("boolean", pd.Series([1.0, 0.0, 3.0, None]), [True, False, None, None], [2]),
        ("timestamp", pd.Series([20130101, None], dtype="Int64"), [None, None], [0]),
        ("number", pd.Series([[1.0], None], dtype="object"), [None, None], [0]),
    ],
)
def test_other_types_are_cast_where_nothing_is_lost(
    kind: ColumnType, cells: pd.Series, values: list[Any], failed: list[int]
) -> None:
    """A whole float is an integer, a half is not; a number is no timestamp."""
    assert _cast(cells, kind) == (values, failed)


def test_a_column_without_any_value_has_its_type_all_the_same() -> None:
    """So an empty batch does not change a table's type."""
    for kind in TYPES:
        casting = cast(pd.DataFrame({"x": _text(None, None)}), {"x": Column(type=kind)})
        assert casting.frame["x"].dtype == pd.api.types.pandas_dtype(DTYPES[kind])
        assert not casting.failed


def test_only_declared_columns_are_kept_in_the_specs_order() -> None:
    """Undeclared columns are left out."""
    frame = pd.DataFrame({"extra": [1], "b": [2], "a": [1]})
    columns = {"a": Column(type="integer"), "b": Column(type="integer")}
    assert list(cast(frame, columns).frame) == ["a", "b"]


@pytest.mark.parametrize(("unit", "number"), [("s", 2**50), ("ms", 2**60), ("us", 2**62)])
def test_a_moment_that_nothing_can_hold_costs_one_row(unit: str, number: int) -> None:
    """Parquet can hold years that Python cannot; such a cell is listed as failed."""
    given = pd.DataFrame({"x": pd.Series([number, 0]).astype(f"datetime64[{unit}]")})
    casting = cast(given, {"x": Column(type="timestamp")})
    assert casting.failed["x"].tolist() == [True, False]
    assert casting.frame["x"].max() == datetime(1970, 1, 1, tzinfo=UTC)
