"""One column of a V2 request: its values, checked one type at a time.

A refusal names the column and the row; it never repeats a value.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

import msgspec

from slipway.errors import BadRequest

Kind = Literal["number", "string"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NAME_SHOWN = 64
INTEGERS = frozenset(f"{sign}INT{bits}" for sign in ("", "U") for bits in (8, 16, 32, 64))
FLOATS = frozenset({"FP16", "FP32", "FP64"})
TYPES_OF: Mapping[str, frozenset[type]] = {
    **dict.fromkeys(FLOATS, frozenset({int, float})),
    **dict.fromkeys(INTEGERS, frozenset({int})),
    "BOOL": frozenset({bool}),
    "BYTES": frozenset({str}),
}
DATATYPES_OF: Mapping[Kind, frozenset[str]] = {
    "number": FLOATS | INTEGERS | {"BOOL"},
    "string": frozenset({"BYTES"}),
}
SAID: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a fraction",
    str: "a string",
    list: "a list",
    dict: "an object",
    type(None): "null",
}


class Mismatch(BadRequest):
    """A V2 request does not fit the model's signature; a retry cannot help."""


class Tensor(msgspec.Struct):
    """One column as it travels."""

    name: str
    shape: list[int]
    datatype: str
    data: list[Any]
    parameters: dict[str, Any] | None = None


def values_of(tensor: Tensor, *, kinds: tuple[Kind, ...], nullable: bool) -> list[Any]:
    """The values of a column, None where null was sent, booleans as 0 and 1.

    Args:
        tensor: The column.
        kinds: What its values may be.
        nullable: Whether null is among them.

    Raises:
        Mismatch: A value, or the datatype, is something else.
    """
    allowed = frozenset[str]().union(*(DATATYPES_OF[kind] for kind in kinds))
    if tensor.datatype not in allowed:
        raise Mismatch(
            f"column {shown(tensor.name)} has a wrong datatype",
            expected=" or ".join("FP64" if kind == "number" else "BYTES" for kind in kinds),
            found=tensor.datatype if tensor.datatype in TYPES_OF else "an unknown datatype",
        )
    data = _flat(tensor)
    found = set(map(type, data))
    if type(None) in found and not nullable:
        raise Mismatch(
            f"column {shown(tensor.name)} has no value in row {data.index(None)}",
            expected="a value in every row",
            found="null",
        )
    wrong = found - TYPES_OF[tensor.datatype] - {type(None)}
    if wrong:
        row = next(row for row, value in enumerate(data) if type(value) in wrong)
        raise Mismatch(
            f"column {shown(tensor.name)} has a value of a wrong type in row {row}",
            expected=tensor.datatype,
            found=SAID[type(data[row])],
        )
    if bool in found:
        return [None if value is None else int(value) for value in data]
    if int in found:
        _check_range(tensor, data)
    return data


def _flat(tensor: Tensor) -> list[Any]:
    """The values of a column; a column of shape (n, 1) may also nest them, as V2 allows."""
    data = tensor.data
    if len(tensor.shape) > 1 and all(type(cell) is list and len(cell) == 1 for cell in data):
        return [cell[0] for cell in data]
    return data


def _check_range(tensor: Tensor, data: Sequence[Any]) -> None:
    largest = sys.float_info.max if tensor.datatype in FLOATS else 2**64 - 1
    for row, value in enumerate(data):
        if type(value) is int and abs(value) > largest:
            raise Mismatch(
                f"column {shown(tensor.name)} has a number out of range in row {row}",
                expected=f"a number that {tensor.datatype} can hold",
            )


def keys_of(tensor: Tensor) -> list[str]:
    """The rows' keys as strings.

    Raises:
        Mismatch: A row has none.
    """
    return [str(key) for key in values_of(tensor, kinds=("string", "number"), nullable=False)]


def event_times_of(tensor: Tensor) -> list[int]:
    """Microseconds since 1970 in UTC.

    Raises:
        Mismatch: A row has none, or it is not ISO 8601.
    """
    values = values_of(tensor, kinds=("string",), nullable=False)
    times = []
    for row, value in enumerate(values):
        try:
            time = datetime.fromisoformat(value)
            # A year beyond 9999 in UTC overflows here, not in the shipper.
            aware = time.astimezone(UTC) if time.tzinfo else time.replace(tzinfo=UTC)
            times.append((aware - EPOCH) // timedelta(microseconds=1))
        except (ValueError, OverflowError):
            raise Mismatch(
                f"column {shown(tensor.name)} has a wrong time in row {row}",
                expected="ISO 8601, as 2013-05-01T12:00:00+00:00; without an offset it is UTC",
            ) from None
    return times


def shown(name: str) -> str:
    """A column's name as it is told, cut where a client made it long."""
    return repr(name if len(name) <= NAME_SHOWN else name[:NAME_SHOWN] + "…")
