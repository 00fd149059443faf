"""Cast a model's raw columns, in training and in serving alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from slipway.errors import BadRequest
from slipway.spec import DatasetSpec, ModelSpec

LARGEST = float(np.finfo(np.float32).max)
"""Beyond it, estimators that compute in floats refuse all rows or round to infinity."""


@dataclass(frozen=True)
class RawColumn:
    """One column of a model's signature.

    Attributes:
        name: Column name.
        kind: A `number` is a float and may be missing; a `string` is a category.
        required: Whether every row must have it.
    """

    name: str
    kind: Literal["number", "string"]
    required: bool


def signature_of(spec: ModelSpec, dataset: DatasetSpec) -> tuple[RawColumn, ...]:
    """Return a model's raw columns, numeric first; nullable columns are optional."""
    declared = dataset.streams.features.columns

    def column(name: str, kind: Literal["number", "string"]) -> RawColumn:
        return RawColumn(name, kind, required=not declared[name].nullable)

    return (
        *(column(name, "number") for name in spec.features.numeric),
        *(column(name, "string") for name in spec.features.categorical),
    )


def from_manifest(manifest: Mapping[str, Any]) -> tuple[RawColumn, ...]:
    """Return the raw columns that a manifest lists."""
    return tuple(RawColumn(**column) for column in manifest["features"])


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
    return _strings(values) if column.kind == "string" else _numbers(values, column.name)


def _numbers(values: pd.Series[Any], name: str) -> pd.Series[Any]:
    try:
        numbers = pd.to_numeric(values).astype("float64")
    except (TypeError, ValueError):
        # `from None`: the original message quotes the value, which must not be echoed.
        raise BadRequest(
            "the model cannot score these rows",
            expected="numbers",
            found="something else",
            where=f"column {name}",
        ) from None
    if (np.abs(numbers.to_numpy()) > LARGEST).any():
        raise BadRequest(
            "the model cannot score these rows",
            expected=f"numbers within \u00b1{LARGEST:.1e}",
            found="one beyond",
            where=f"column {name}",
        )
    return numbers


def _strings(values: pd.Series[Any]) -> pd.Series[Any]:
    if pd.api.types.is_float_dtype(values) and (values.dropna() % 1 == 0).all():
        # A nullable integer column comes as float; "5" and "5.0" must be one category.
        values = values.astype("Int64")
    strings = values.astype("object").map(str, na_action="ignore").where(values.notna(), np.nan)
    # Where every value is missing pandas infers float64, which the encoder refuses.
    return strings.astype("object")
