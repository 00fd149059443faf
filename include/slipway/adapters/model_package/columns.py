"""Cast a model's raw columns, in training and in serving alike."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package.typed_columns import categories_of, numbers_of
from slipway.adapters.model_package.untyped_columns import cast_untyped
from slipway.errors import BadRequest
from slipway.stages.ports.raw_column import RawColumn


def ranges_of(features: pd.DataFrame, columns: Sequence[RawColumn]) -> dict[str, Any]:
    """Return the lowest and highest number, or the categories, of each column of training rows.

    Args:
        features: Cast rows; raw columns that are left out have no range.
        columns: The model's raw columns.
    """
    kinds = {column.name: column.kind for column in columns if column.name in features}
    seen = {name: features[name].dropna() for name in kinds}
    return {
        "numbers": {
            name: [float(values.min()), float(values.max())]
            for name, values in seen.items()
            if kinds[name] == "number" and not values.empty
        },
        "categories": {
            name: sorted(values.unique())
            for name, values in seen.items()
            if kinds[name] == "string"
        },
    }


def cast(frame: pd.DataFrame, columns: Sequence[RawColumn]) -> pd.DataFrame:
    """Return the raw columns alone: numbers as float64, strings as objects, missing as NaN.

    Args:
        frame: Rows with at least the required columns, of shape (n_rows, n_columns).
        columns: The model's raw columns, in its order.

    Raises:
        BadRequest: A required column is missing, or one holds what cannot be cast.
    """
    missing = [column.name for column in columns if column.required and column.name not in frame]
    if missing:
        raise BadRequest(
            "the model cannot score these rows",
            expected=f"column {', '.join(missing)}",
            found="no such column",
        )
    prepared = {column.name: _cast_one(frame, column) for column in columns}
    return pd.DataFrame(prepared, index=frame.index)


def _cast_one(frame: pd.DataFrame, column: RawColumn) -> pd.Series[Any]:
    if column.name not in frame:
        kind = "float64" if column.kind == "number" else "object"
        return pd.Series(np.nan, index=frame.index, dtype=kind)
    values = frame[column.name]
    if column.type is None:
        return cast_untyped(values, column)
    return numbers_of(values, column) if column.kind == "number" else categories_of(values, column)
