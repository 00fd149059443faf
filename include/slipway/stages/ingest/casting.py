"""Cast a delivery to the types that the spec declares, cell by cell.

A cell that cannot be cast is reported, never raised: it costs one row, not the batch.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from slipway.spec import Column
from slipway.values.value_types import ColumnType

if TYPE_CHECKING:
    import pandas as pd

MISSING_WORDS = frozenset({"", "na", "n/a", "nan", "nat", "none", "null"})
"""Texts that mean "no value" in a column of another type than string, in any case."""

_BOOLEANS = {"true": 1, "false": 0, "1": 1, "0": 0, "1.0": 1, "0.0": 0}
# Up to 18 digits always fit int64.
_INTEGER = r"[+-]?[0-9]{1,18}(?:\.0*)?"
_LARGEST_EXACT_INTEGER = 2**53
_POSSIBLE = (datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC))
"""Range of Python's datetime; Parquet's is far larger."""


@dataclass(frozen=True)
class Casting:
    """Result of casting a frame.

    Attributes:
        frame: Declared columns only, in the spec's order; a cell that failed is null.
        failed: Mask of the cells that could not be cast, by column; only columns with some.
    """

    frame: pd.DataFrame
    failed: Mapping[str, pd.Series]


def cast(frame: pd.DataFrame, columns: Mapping[str, Column]) -> Casting:
    """Cast a delivery to the spec's types and report the cells that do not fit.

    Strings become `str`, integers `Int64`, numbers `float64`, truth values `boolean` and
    timestamps `datetime64[us, UTC]`; a timestamp without a time zone counts as UTC.

    Args:
        frame: Delivered rows with every declared column; others are dropped.
        columns: Declared columns.
    """
    import pandas as pd

    values, failed = {}, {}
    for name, column in columns.items():
        given = frame[name]
        values[name] = _CASTS[column.type](given)
        lost = values[name].isna() & _present(given, kind=column.type)
        if lost.any():
            failed[name] = lost
    return Casting(pd.DataFrame(values, index=frame.index), failed)


def _present(given: pd.Series, *, kind: ColumnType) -> pd.Series:
    present = given.notna()
    if kind == "string" or not _is_text(given):
        return present
    return present & ~given.str.strip().str.lower().isin(MISSING_WORDS)


def _to_string(given: pd.Series) -> pd.Series:
    import pandas as pd

    if _is_text(given):
        return given.astype("str")
    if pd.api.types.is_bool_dtype(given) or not pd.api.types.is_integer_dtype(given):
        return _all_missing(given, "str")
    return given.astype("Int64").astype("string").astype("str")


def _to_integer(given: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_bool_dtype(given):
        return given.astype("boolean").astype("Int64")
    if pd.api.types.is_unsigned_integer_dtype(given):
        return given.where(given <= 2**63 - 1).astype("Int64")
    if pd.api.types.is_integer_dtype(given):
        return given.astype("Int64")
    if pd.api.types.is_numeric_dtype(given):
        whole = (given % 1 == 0) & (given.abs() <= _LARGEST_EXACT_INTEGER)
        return given.where(whole.fillna(value=False)).astype("Int64")
    if not _is_text(given):
        return _all_missing(given, "Int64")
    text = given.str.strip()
    digits = text.where(text.str.fullmatch(_INTEGER).fillna(value=False).astype("bool"))
    whole_part = digits.str.partition(".")[0]
    return whole_part.map(int, na_action="ignore").astype("object").astype("Int64")


def _to_number(given: pd.Series) -> pd.Series:
    import pandas as pd

    if _is_text(given):
        text = given.str.strip()
        # pandas knows which texts are numbers, but parses some of them inexactly.
        readable = text.where(pd.to_numeric(text, errors="coerce").notna())
        numbers = readable.map(_to_float, na_action="ignore")
    elif pd.api.types.is_numeric_dtype(given):
        numbers = given
    else:
        return _all_missing(given, "float64")
    numbers = numbers.astype("Float64").astype("float64")
    # No model can use an infinite number, and no JSON can hold one.
    return numbers.where(numbers.abs() != float("inf"))


def _to_float(text: str) -> float | None:
    try:
        return float(text)
    except ValueError:
        return None


def _to_boolean(given: pd.Series) -> pd.Series:
    import pandas as pd

    if pd.api.types.is_bool_dtype(given):
        return given.astype("boolean")
    if pd.api.types.is_numeric_dtype(given):
        numbers = given.astype("Float64")
        return numbers.where(numbers.isin([0, 1])).astype("boolean")
    if not _is_text(given):
        return _all_missing(given, "boolean")
    return given.str.strip().str.lower().map(_BOOLEANS).astype("Int64").astype("boolean")


def _to_timestamp(given: pd.Series) -> pd.Series:
    import pandas as pd

    if _is_text(given):
        given = given.str.strip()
    elif not pd.api.types.is_datetime64_any_dtype(given):
        return _all_missing(given, "datetime64[us, UTC]")
    moments = pd.to_datetime(given, format="ISO8601", utc=True, errors="coerce")
    return moments.where(moments.between(*_POSSIBLE)).astype("datetime64[us, UTC]")


def _is_text(given: pd.Series) -> bool:
    import pandas as pd

    return isinstance(given.dtype, pd.StringDtype)


def _all_missing(given: pd.Series, kind: str) -> pd.Series:
    import pandas as pd

    return pd.Series(None, index=given.index, dtype=pd.api.types.pandas_dtype(kind))


_CASTS: Mapping[ColumnType, Callable[[pd.Series], pd.Series]] = {
    "string": _to_string,
    "integer": _to_integer,
    "number": _to_number,
    "boolean": _to_boolean,
    "timestamp": _to_timestamp,
}
