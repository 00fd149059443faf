"""Values of a request's columns by their declared types, as ingest reads them.

Runs in model servers only.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

from slipway.serving.v2.tensors import Tensor, flat_data, mismatch, missing_value
from slipway.serving.v2.untyped import NUMBER, STRING, untyped_keys, untyped_values
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.timestamps import EPOCH
from slipway.values.v2_tensors import BadTensor, read_cells
from slipway.values.value_types import ColumnType, Value, canonical_text

# Read alike by `datetime` and `parse_timestamp`, which is asked about every other text.
_PLAIN_TIME = re.compile(
    r"[12][0-9]{3}-[0-9]{2}-[0-9]{2}[T ](?:[01][0-9]|2[0-3])(?::[0-5][0-9]){2}(?:\.[0-9]{1,6})?"
    r"(?:Z|[+-](?:0[0-9]|1[0-4]):[0-5][0-9])?",
    re.ASCII,
).fullmatch


def model_values(tensor: Tensor, column: RawColumn) -> list[Any]:
    """Values of a column as the model takes them: numbers, or canonical texts of categories.

    Raises:
        Mismatch: The datatype or a value is refused, or a value is missing where one is needed.
    """
    nullable = not column.required
    if column.type is None:
        kinds = NUMBER if column.kind == "number" else STRING
        return untyped_values(tensor, kinds=kinds, nullable=nullable)
    return as_model_takes(values_by_type(tensor, column.type, nullable=nullable), column)


def as_model_takes(values: Sequence[Value | None], column: RawColumn) -> list[Any]:
    """Numbers for a numeric column, canonical texts for a category; None for missing."""
    if column.kind == "string":
        return _texts(values)
    if column.type == "boolean":
        return [None if value is None else int(value is True) for value in values]
    return list(values)


def keys_of(tensor: Tensor, kind: ColumnType | None) -> list[str]:
    """Keys of the rows: the canonical texts by which labels are joined.

    Args:
        tensor: The key column.
        kind: Declared type of the key; None for versions without types.

    Raises:
        Mismatch: A row has no key, or a value cannot be a key.
    """
    if kind is None:
        return untyped_keys(tensor)
    return _texts(values_by_type(tensor, kind, nullable=False))


def event_times_of(tensor: Tensor) -> list[int]:
    """Event times in microseconds since 1970, UTC.

    Raises:
        Mismatch: A row has no event time, or it is not ISO 8601.
    """
    data = flat_data(tensor)
    plain = _plain_times(data) if tensor.datatype == "BYTES" else None
    times: Sequence[Any] = plain or values_by_type(tensor, "timestamp", nullable=False)
    return [microseconds(time) for time in times]


def values_by_type(tensor: Tensor, kind: ColumnType, *, nullable: bool) -> list[Value | None]:
    """Values of a column in their canonical form; None for missing.

    Raises:
        Mismatch: The datatype or a value is refused, or a value is missing where one is needed.
    """
    try:
        values = read_cells(flat_data(tensor), tensor.datatype, kind)
    except BadTensor as bad:
        raise mismatch(tensor, bad) from None
    if not nullable and None in values:
        raise missing_value(tensor, values.index(None))
    return values


def _texts(values: Sequence[Value | None]) -> list[Any]:
    return [None if value is None else canonical_text(value) for value in values]


def _plain_times(data: Sequence[Any]) -> list[datetime] | None:
    read: Callable[[str], datetime] = datetime.fromisoformat
    try:
        if all(map(_PLAIN_TIME, data)):
            times = map(read, data)
            return [time if time.tzinfo else time.replace(tzinfo=UTC) for time in times]
    except (TypeError, ValueError):
        return None
    return None


def microseconds(time: datetime) -> int:
    """Microseconds since 1970 in UTC."""
    since = time - EPOCH
    return (since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds
