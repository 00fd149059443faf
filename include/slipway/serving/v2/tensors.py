"""Check the values of one column of a V2 request against its datatype.

An error names the column and the row, never the value.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, NoReturn

import msgspec

from slipway.serving.v2.errors import Mismatch
from slipway.stages.ports.raw_column import Kind

Scalar = str | int | float | bool | None

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EARLIEST = datetime.min.replace(tzinfo=UTC) - EPOCH
LATEST = datetime.max.replace(tzinfo=UTC) - EPOCH
NAME_SHOWN = 64
EXACT = 2**53
INTEGERS: Mapping[str, tuple[int, int]] = {
    **{f"INT{bits}": (-(2 ** (bits - 1)), 2 ** (bits - 1) - 1) for bits in (8, 16, 32, 64)},
    **{f"UINT{bits}": (0, 2**bits - 1) for bits in (8, 16, 32, 64)},
}
# The largest finite number of each width.
# Source: IEEE 754, binary16, binary32 and binary64.
FLOATS: Mapping[str, float] = {
    "FP16": 65504.0,
    "FP32": (2 - 2**-23) * 2.0**127,
    "FP64": sys.float_info.max,
}
TYPES_OF: Mapping[str, frozenset[type]] = {
    **dict.fromkeys(FLOATS, frozenset({int, float})),
    **dict.fromkeys(INTEGERS, frozenset({int})),
    "BOOL": frozenset({bool}),
    "BYTES": frozenset({str}),
}
# These need no range check: JSON has neither NaN nor infinity.
PLAIN: Mapping[str, set[type]] = {"FP64": {float}, "BYTES": {str}}
NUMBER: tuple[Kind, ...] = ("number",)
STRING: tuple[Kind, ...] = ("string",)
KEY: tuple[Kind, ...] = ("string", "number")
ALLOWED: Mapping[tuple[Kind, ...], frozenset[str]] = {
    NUMBER: frozenset({*FLOATS, *INTEGERS, "BOOL"}),
    STRING: frozenset({"BYTES"}),
    KEY: frozenset(TYPES_OF),
}
TYPE_NAMES: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a fraction",
    str: "a string",
    list: "a list",
    dict: "an object",
}


class Tensor(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One column as sent; with `data` None the values follow the JSON as bytes.

    JSON does not distinguish 1.0 from 1, so a shape may hold either.
    """

    name: str
    shape: list[int | float]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Scalar] | None = None


def values_of(
    tensor: Tensor, *, kinds: tuple[Kind, ...], nullable: bool, exact: bool = True
) -> list[Any]:
    """Values of a column: None for missing, booleans as 0 and 1.

    Args:
        tensor: The column; its data already has the length in its shape.
        kinds: Allowed kinds of values.
        nullable: Whether null is allowed.
        exact: Whether integers that float64 cannot represent exactly are rejected.

    Raises:
        Mismatch: The datatype or a value is not allowed.
    """
    datatype = tensor.datatype
    if datatype not in ALLOWED[kinds]:
        refuse_datatype(tensor, kinds)
    data = tensor.data or []
    if len(tensor.shape) > 1:
        data = _flat(data)
    found = set(map(type, data))
    if found == PLAIN.get(datatype):
        return data
    if type(None) in found and not nullable:
        raise Mismatch(
            f"column {quoted_name(tensor.name)} has no value in row {data.index(None)}",
            expected="a value in every row",
            found="null, or not a number",
        )
    _check_types(tensor, data, found - {type(None)})
    if bool in found:
        return [None if value is None else int(value) for value in data]
    if datatype != "BYTES":
        _check_range(tensor, data, exact=exact)
    return data


def refuse_datatype(tensor: Tensor, kinds: tuple[Kind, ...] = KEY) -> NoReturn:
    """Raise an error that names the column and its allowed datatypes.

    Raises:
        Mismatch: Always.
    """
    raise Mismatch(
        f"column {quoted_name(tensor.name)} has a wrong datatype",
        expected=" or ".join("FP64" if kind == "number" else "BYTES" for kind in kinds),
        found=tensor.datatype if tensor.datatype in TYPES_OF else "an unknown datatype",
    )


def keys_of(tensor: Tensor) -> list[str]:
    """Keys of the rows as strings.

    Raises:
        Mismatch: A row has no key.
    """
    return [str(key) for key in values_of(tensor, kinds=KEY, nullable=False, exact=False)]


def event_times_of(tensor: Tensor) -> list[int]:
    """Event times in microseconds since 1970, UTC.

    Raises:
        Mismatch: A row has no event time, or it is not ISO 8601.
    """
    times = []
    for row, value in enumerate(values_of(tensor, kinds=STRING, nullable=False)):
        try:
            time = datetime.fromisoformat(value)
            since = (time if time.tzinfo else time.replace(tzinfo=UTC)) - EPOCH
        except (ValueError, OverflowError):
            since = timedelta.max
        # A time outside the years 1 to 9999 in UTC would fail in the shipper.
        if not EARLIEST <= since <= LATEST:
            raise Mismatch(
                f"column {quoted_name(tensor.name)} has a wrong time in row {row}",
                expected="ISO 8601, for example 2013-05-01T12:00:00+00:00; UTC if it has no offset",
            )
        times.append((since.days * 86_400 + since.seconds) * 1_000_000 + since.microseconds)
    return times


def quoted_name(name: str) -> str:
    """A column's name for an error message, cut to 64 characters."""
    return repr(name if len(name) <= NAME_SHOWN else name[:NAME_SHOWN] + "…")


def _flat(data: list[Any]) -> list[Any]:
    """Values of a column of shape (n, 1), which V2 allows to be nested or flat."""
    if all(type(cell) is list and len(cell) == 1 for cell in data):
        return [cell[0] for cell in data]
    return data


def _check_types(tensor: Tensor, data: Sequence[Any], found: set[type]) -> None:
    wrong = found - TYPES_OF[tensor.datatype]
    if wrong:
        row = next(row for row, value in enumerate(data) if type(value) in wrong)
        raise Mismatch(
            f"column {quoted_name(tensor.name)} has a value of a wrong type in row {row}",
            expected=tensor.datatype,
            found=TYPE_NAMES[type(data[row])],
        )


def _check_range(tensor: Tensor, data: Sequence[Any], *, exact: bool) -> None:
    """Raise for a number that the datatype, or the model's float64, cannot represent."""
    largest = FLOATS.get(tensor.datatype, 0.0)
    low, high = INTEGERS.get(tensor.datatype, (-largest, largest))
    for row, value in enumerate(data):
        if value is None or (low <= value <= high and -EXACT <= value <= EXACT):
            continue
        if not low <= value <= high:
            raise Mismatch(
                f"column {quoted_name(tensor.name)} has a number out of range in row {row}",
                expected=f"a number that {tensor.datatype} can hold",
            )
        if exact and type(value) is int and int(float(value)) != value:
            raise Mismatch(
                f"column {quoted_name(tensor.name)} has an integer in row {row} that is not exact",
                expected="an integer that float64 represents exactly, as all up to 2^53",
                hint="send an identifier as BYTES, or leave it out of the model",
            )
