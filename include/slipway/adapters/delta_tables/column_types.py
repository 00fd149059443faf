"""Column types of Delta tables: conversion from and to pandas."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pyarrow as pa

from slipway.errors import BadBatch

_PANDAS_TYPES: dict[pa.DataType, Any] = {
    pa.int64(): pd.Int64Dtype(),
    pa.bool_(): pd.BooleanDtype(),
}
_TIMESTAMP = pa.timestamp("us", tz="UTC")
SCORES = pa.list_(pa.float64())
"""Scores of a multi-class model's classes, in a score table."""

_KEPT_TYPES = {
    pa.types.is_string: pa.string(),
    pa.types.is_large_string: pa.string(),
    pa.types.is_boolean: pa.bool_(),
    pa.types.is_integer: pa.int64(),
    pa.types.is_floating: pa.float64(),
}
_ALLOWED = "strings, integers, numbers, truth values, or timestamps with a time zone"


def to_pandas(rows: pa.Table) -> pd.DataFrame:
    """Convert rows to a frame of `Int64`, `boolean`, `float64`, `str` and UTC microseconds."""
    frame: pd.DataFrame = rows.to_pandas(types_mapper=_PANDAS_TYPES.get)
    return frame


def to_arrow(frame: pd.DataFrame, *, table: str) -> pa.Table:
    """Return rows with each column cast to the type that tables use for it.

    Raises:
        BadBatch: A column has a type that tables cannot store.
    """
    try:
        rows = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
        fields = [field.with_type(_delta_type(field, table=table)) for field in rows.schema]
        return rows.cast(pa.schema(fields))
    except pa.ArrowException:
        # Arrow's message quotes the value that did not fit.
        raise BadBatch(
            f"a column of {table} holds values of more than one type",
            expected=_ALLOWED,
            hint="cast every column to the type that the dataset's spec declares",
        ) from None


def _delta_type(field: pa.Field, *, table: str) -> pa.DataType:
    """Return the type that tables use for a column, for any width in the frame."""
    kind = field.type
    if pa.types.is_dictionary(kind):
        kind = kind.value_type
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        return _TIMESTAMP
    if pa.types.is_list(kind) and pa.types.is_floating(kind.value_type):
        return SCORES
    for recognised, kept in _KEPT_TYPES.items():
        if recognised(kind):
            return kept
    raise BadBatch(
        f"column {field.name} cannot be stored",
        expected=_ALLOWED,
        found=str(kind),
        where=table,
        hint="cast it to the type that the dataset's spec declares",
    )


def check_column_types(rows: pa.Schema, stored: pa.Schema, *, table: str) -> None:
    """Raise unless every column has the name and the type that it has in the table.

    Raises:
        BadBatch: A column has another type, or a name that differs only in case.
    """
    # Looked up in a schema by name, thousands of columns would take seconds.
    types = dict(zip(stored.names, stored.types, strict=True))
    spelt = {name.lower(): name for name in types}
    for field in rows:
        other = spelt.get(field.name.lower(), field.name)
        if field.name not in types and other != field.name:
            raise BadBatch(
                f"column {field.name} differs from the table's column {other} only in case",
                where=table,
                hint=f"a table takes both for one; call it {other} in dataset.yaml",
            )
        if (kept := types.get(field.name, field.type)) != field.type:
            raise BadBatch(
                f"column {field.name} has another type than in the table",
                expected=str(kept),
                found=str(field.type),
                where=table,
                hint="a column's type cannot change; give the new one another name",
            )
