"""Cast raw columns by their declared types, as ingest and the model server read them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from slipway.errors import BadRequest
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.arrays import CastArray, cast_array
from slipway.values.value_types import LARGEST_NUMBER, ColumnType

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
    doubles = _cast(values, column).cast(pa.float64(), safe=False)
    return pd.Series(doubles.to_numpy(zero_copy_only=False), values.index)


def categories_of(values: pd.Series[Any], column: RawColumn) -> pd.Series[Any]:
    """Return a categorical column as canonical texts (objects), missing values as NaN.

    Raises:
        BadRequest: The declared type cannot hold a value.
    """
    texts = _cast(values, column).cast(pa.string()).to_numpy(zero_copy_only=False)
    texts[pd.isna(texts)] = np.nan
    return pd.Series(texts, values.index, dtype="object")


def _cast(values: pd.Series[Any], column: RawColumn) -> pa.Array:
    found = cast_array(_cells(values), column.type or "string")
    match found:
        case CastArray(cells, ()):
            return cells
        case _:
            first = min(found.refused, key=lambda one: one.rows[0])
            raise BadRequest(
                "the model cannot score these rows",
                expected=f"values of type {column.type}",
                found=f"the value in row {first.rows[0]} {first.reason}",
                where=f"column {column.name}",
            )


def _cells(values: pd.Series[Any]) -> Any:
    try:
        cells = pa.array(values, from_pandas=True)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        # Cells of several types, or text that is no Unicode: each is judged by itself.
        return [None if pd.api.types.is_scalar(one) and pd.isna(one) else one for one in values]
    return cells.combine_chunks() if isinstance(cells, pa.ChunkedArray) else cells
