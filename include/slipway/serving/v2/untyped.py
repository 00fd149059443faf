"""Values of columns whose version was saved before manifests had declared types.

Runs in model servers only. Such a version keeps the datatypes and ranges that it was served with.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isinf, isnan
from typing import Any, NoReturn

from slipway.serving.v2.errors import Mismatch
from slipway.serving.v2.tensors import Tensor, flat_data, mismatch, missing_value, quoted_name
from slipway.stages.ports.raw_column import Kind
from slipway.values.v2_tensors import (
    FLOATS,
    INTEGERS,
    TYPES_OF,
    BadTensor,
    check_cells,
    wrong_datatype,
)

EXACT = 2**53
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


def untyped_values(
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
        _refuse_datatype(tensor, kinds)
    data = _without_nan(flat_data(tensor))
    found = set(map(type, data))
    if found == PLAIN.get(datatype):
        _check_numbers(tensor, data, exact=False)
        return data
    if type(None) in found and not nullable:
        raise missing_value(tensor, data.index(None))
    try:
        check_cells(data, datatype)
    except BadTensor as bad:
        raise mismatch(tensor, bad) from None
    if bytes in found:
        row = next(row for row, value in enumerate(data) if type(value) is bytes)
        raise Mismatch(
            f"column {quoted_name(tensor.name)} has an invalid string in row {row}",
            expected="UTF-8",
        )
    if bool in found:
        return [None if value is None else int(value) for value in data]
    _check_numbers(tensor, data, exact=exact)
    return data


def untyped_keys(tensor: Tensor) -> list[str]:
    """Keys of the rows as strings.

    Raises:
        Mismatch: A row has no key.
    """
    return [str(key) for key in untyped_values(tensor, kinds=KEY, nullable=False, exact=False)]


def _without_nan(data: list[Any]) -> list[Any]:
    """Values without NaN, which only a binary tensor can hold."""
    if not any(type(value) is float and isnan(value) for value in data):
        return data
    return [None if type(value) is float and isnan(value) else value for value in data]


def _refuse_datatype(tensor: Tensor, kinds: tuple[Kind, ...]) -> NoReturn:
    expected = ["FP64" if kind == "number" else "BYTES" for kind in kinds]
    if tensor.datatype not in TYPES_OF:
        expected = sorted(TYPES_OF)
    raise mismatch(tensor, wrong_datatype(tensor.datatype, expected))


def _check_numbers(tensor: Tensor, data: Sequence[Any], *, exact: bool) -> None:
    if tensor.datatype in FLOATS:
        _refuse_infinite(tensor, data)
    if exact and tensor.datatype != "BYTES":
        _refuse_inexact(tensor, data)


def _refuse_infinite(tensor: Tensor, data: Sequence[Any]) -> None:
    for row, value in enumerate(data):
        if type(value) is float and isinf(value):
            raise Mismatch(
                f"column {quoted_name(tensor.name)} has an infinite number in row {row}",
                expected="a finite number, or NaN for a missing value",
            )


def _refuse_inexact(tensor: Tensor, data: Sequence[Any]) -> None:
    for row, value in enumerate(data):
        if value is None or -EXACT <= value <= EXACT:
            continue
        if type(value) is int and int(float(value)) != value:
            raise Mismatch(
                f"column {quoted_name(tensor.name)} has an integer in row {row} that is not exact",
                expected="an integer that float64 represents exactly, as all up to 2^53",
                hint="send an identifier as BYTES, or leave it out of the model",
            )
