"""Cast raw columns by their declared types, as ingest and the model server read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib.util import find_spec
from typing import Any

import numpy as np
import pandas as pd

from slipway.errors import BadRequest
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.arrays import CastArray, cast_array
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.value_types import LARGEST_NUMBER, ColumnType, Value, canonical_text

HAS_ARROW = find_spec("pyarrow") is not None
"""Not in the image of model servers: their rows are few, and are parsed one by one."""

_ONLY: Mapping[ColumnType | None, Callable[[Any], bool]] = {
    "integer": pd.api.types.is_signed_integer_dtype,
    "boolean": pd.api.types.is_bool_dtype,
}
"""Whether a type of pandas holds nothing but values of a declared type."""


def numbers_of(values: pd.Series[Any], column: RawColumn) -> pd.Series[Any]:
    """Return a numeric column as float64, missing values as NaN.

    Raises:
        BadRequest: The declared type cannot hold a value.
    """
    if column.type in _ONLY and _ONLY[column.type](values.dtype):
        return pd.Series(values.to_numpy("float64", na_value=np.nan), values.index)
    if column.type == "number" and values.dtype == np.float64:
        numbers = values.to_numpy()
        # The comparison is false for NaN.
        if not (np.abs(numbers) > LARGEST_NUMBER).any():
            return pd.Series(numbers + 0.0, values.index)
    doubles = [np.nan if one is None else float(one) for one in _cast(values, column)]  # type: ignore[arg-type]
    return pd.Series(doubles, values.index, dtype="float64")


def categories_of(values: pd.Series[Any], column: RawColumn) -> pd.Series[Any]:
    """Return a categorical column as canonical texts (objects), missing values as NaN.

    Raises:
        BadRequest: The declared type cannot hold a value.
    """
    if column.type == "string" and isinstance(values.dtype, pd.StringDtype) and HAS_ARROW:
        return values.astype("object").where(values.notna() & values.ne(""), np.nan)
    texts = [np.nan if one is None else canonical_text(one) for one in _cast(values, column)]
    return pd.Series(texts, values.index, dtype="object")


def _cast(values: pd.Series[Any], column: RawColumn) -> list[Value | None]:
    if not HAS_ARROW:
        return _parse(values, column)
    match cast_array(_cells(values), column.type or "string"):
        case CastArray(array, ()):
            cells: list[Value | None] = array.to_pylist()
            return cells
        case CastArray(_, refused):
            first = min(refused, key=lambda one: one.rows[0])
            raise _refused(column, first.rows[0], first.reason)


def _parse(values: pd.Series[Any], column: RawColumn) -> list[Value | None]:
    cells: list[Value | None] = []
    for row, cell in enumerate(_plain(values)):
        try:
            cells.append(parse(cell, column.type or "string"))
        except BadValue as refusal:
            raise _refused(column, row, refusal.reason) from None
    return cells


def _refused(column: RawColumn, row: int, reason: str) -> BadRequest:
    return BadRequest(
        "the model cannot score these rows",
        expected=f"values of type {column.type}",
        found=f"the value in row {row} {reason}",
        where=f"column {column.name}",
    )


def _cells(values: pd.Series[Any]) -> Any:
    import pyarrow as pa

    try:
        cells = pa.array(values, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        # Cells of several types, or text that is no Unicode: each is judged by itself.
        return _plain(values)
    return cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells


def _plain(values: pd.Series[Any]) -> list[object]:
    return [
        None if pd.api.types.is_scalar(one) and pd.isna(one) else one for one in values.tolist()
    ]
