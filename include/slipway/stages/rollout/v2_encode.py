"""Encode rows as a V2 inference request, as a client sends them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from slipway.errors import BadRequest
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.v2_tensors import DATATYPE
from slipway.values.value_types import ColumnType, canonical_text

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec.identity import RowIdentity


def encode_rows(
    rows: pd.DataFrame,
    columns: Sequence[RawColumn],
    *,
    identity: RowIdentity,
    probe: bool = False,
) -> dict[str, Any]:
    """Body of a V2 request: a tensor for each column, null where a value is missing.

    A column with a declared type is sent in the datatype that the model's metadata name.

    Args:
        rows: Raw feature columns, key and event time, of shape (n_rows, n_columns).
        columns: The model's inputs.
        identity: Key and event time. Where they are derived, the columns that they come from are
            sent; the moment of a batch's arrival is sent where the rows have it.
        probe: Whether the prediction log keeps it apart from clients' requests.

    Raises:
        BadRequest: The declared type of a column cannot hold one of its values.
    """
    inputs = [
        _untyped(column.name, column.kind, rows)
        if column.type is None
        else _typed(column.name, column.type, rows)
        for column in columns
    ]
    named = {column.name for column in columns}
    key, time = identity.key, identity.time
    if key.source == "column" and key.column not in named:
        inputs.append(_untyped(key.column, "string", rows))
    beside = [part for part in identity.parts if part.name not in named]
    inputs += [_typed(part.name, part.type, rows) for part in beside]
    named.update(part.name for part in beside)
    is_there = time.source == "column" or (time.source == "arrival" and time.column in rows)
    if is_there and time.column not in named:
        times = [one.isoformat() for one in rows[time.column]]
        inputs.append(
            {"name": time.column, "shape": [len(rows)], "datatype": "BYTES", "data": times}
        )
    return {"inputs": inputs} | ({"parameters": {"probe": True}} if probe else {})


def _typed(name: str, kind: ColumnType, rows: pd.DataFrame) -> dict[str, Any]:
    cells: list[Any] = []
    for row, value in enumerate(_cells(name, rows)):
        try:
            parsed = None if _is_missing(value) else parse(value, kind)
        except BadValue as bad:
            raise BadRequest(
                "the rows cannot be sent to the model",
                expected=f"values of type {kind}",
                found=f"the value in row {row} {bad.reason}",
                where=f"column {name}",
            ) from None
        cells.append(canonical_text(parsed) if isinstance(parsed, datetime) else parsed)
    return {"name": name, "shape": [len(rows)], "datatype": DATATYPE[kind], "data": cells}


def _cells(name: str, rows: pd.DataFrame) -> list[Any]:
    return rows[name].tolist() if name in rows else [None] * len(rows)


def _untyped(name: str, kind: str, rows: pd.DataFrame) -> dict[str, Any]:
    values = _cells(name, rows)
    encoded = [_number(value) if kind == "number" else _text(value) for value in values]
    datatype = "FP64" if kind == "number" else "BYTES"
    return {"name": name, "shape": [len(rows)], "datatype": datatype, "data": encoded}


def _number(value: Any) -> float | None:
    return None if _is_missing(value) else float(value)


def _text(value: Any) -> str | None:
    if _is_missing(value):
        return None
    # A nullable integer column comes as float; a client sends "5", not "5.0".
    return str(int(value) if isinstance(value, float) and value.is_integer() else value)


def _is_missing(value: Any) -> bool:
    if isinstance(value, float):
        return math.isnan(value)
    # pandas has two more missing values; they differ from themselves or cannot be compared.
    return value is None or type(value).__name__ in {"NAType", "NaTType"}
