"""Encode rows as a V2 inference request, as a client sends them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slipway.stages.ports.raw_column import RawColumn

if TYPE_CHECKING:
    import pandas as pd


def encode_rows(
    rows: pd.DataFrame,
    columns: Sequence[RawColumn],
    *,
    key: str,
    event_time: str,
    probe: bool = False,
) -> dict[str, Any]:
    """Body of a V2 request: a tensor for each column, null where a value is missing.

    Args:
        rows: Raw feature columns, key and event time, of shape (n_rows, n_columns).
        columns: The model's inputs.
        key: Column that identifies a row.
        event_time: Column with the event time of a row.
        probe: Whether the prediction log keeps it apart from clients' requests.
    """
    inputs = [_tensor(column.name, column.kind, rows) for column in columns]
    named = {column.name for column in columns}
    if key not in named:
        inputs.append(_tensor(key, "string", rows))
    if event_time not in named:
        times = [time.isoformat() for time in rows[event_time]]
        inputs.append(
            {"name": event_time, "shape": [len(rows)], "datatype": "BYTES", "data": times}
        )
    return {"inputs": inputs} | ({"parameters": {"probe": True}} if probe else {})


def _tensor(name: str, kind: str, rows: pd.DataFrame) -> dict[str, Any]:
    values = rows[name].tolist() if name in rows else [None] * len(rows)
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
