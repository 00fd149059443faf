"""Values of V2 tensors: the datatypes that a declared type takes, and what their cells mean.

The model server and the batch platform read requests by it, so both accept and refuse the same.
Source: the Open Inference Protocol V2, and its extension for binary tensors.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from math import inf

from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.value_types import LARGEST_NUMBER, ColumnType, Value

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
    # Bytes that are no UTF-8, which only a binary tensor can hold.
    "BYTES": frozenset({str, bytes}),
}
TYPE_NAMES: Mapping[type, str] = {
    bool: "a boolean",
    int: "an integer",
    float: "a fraction",
    str: "a string",
    list: "a list",
    dict: "an object",
}
DATATYPE: Mapping[ColumnType, str] = {
    "string": "BYTES",
    "integer": "INT64",
    "number": "FP64",
    "boolean": "BOOL",
    "timestamp": "BYTES",
}
"""Datatype of each declared type in a model's metadata."""

TAKEN: Mapping[ColumnType, frozenset[str]] = {
    "string": frozenset({"BYTES", *INTEGERS}),
    "integer": frozenset({"BYTES", *INTEGERS, *FLOATS}),
    "number": frozenset({"BYTES", *INTEGERS, *FLOATS}),
    "boolean": frozenset({"BYTES", "BOOL", *INTEGERS, *FLOATS}),
    "timestamp": frozenset({"BYTES"}),
}
"""Datatypes that can hold values of each declared type; all can hold that there is none."""

EXPECTED: Mapping[ColumnType, str] = {
    "string": "BYTES, or an integer, which is read as its digits",
    "integer": "a whole number of 64 bits, as text without separators; as a float up to 2^53",
    "number": (
        f"a number of at most {LARGEST_NUMBER:g} in size, as text with a decimal point and no "
        "other separator and no unit; NaN and null are missing"
    ),
    "boolean": "true or false, 1 or 0, and no other word",
    "timestamp": "ISO 8601, for example 2013-05-01T12:00:00+00:00; UTC if it has no offset",
}


class BadTensor(Exception):
    """A tensor that a column cannot take.

    Args:
        problem: What is wrong, to be read after the column's name; it holds no value.
        expected: What would be taken.
        found: What was found.
    """

    def __init__(self, problem: str, *, expected: str, found: str | None = None) -> None:
        super().__init__(problem)
        self.problem = problem
        self.expected = expected
        self.found = found


def read_cells(data: Sequence[object], datatype: str, kind: ColumnType) -> list[Value | None]:
    """Return the values of a tensor by a column's declared type; None for missing ones.

    Args:
        data: Cells as JSON or the binary extension holds them; None for null.
        datatype: V2 datatype of the tensor.
        kind: Declared type of the column.

    Raises:
        BadTensor: The datatype is unknown, or a cell is no value of the declared type.
    """
    check_cells(data, datatype)
    # A client that sends floats has no other integers: beyond 2^53 they may be rounded already.
    as_float = kind == "integer" and datatype in FLOATS
    values: list[Value | None] = []
    for row, cell in enumerate(data):
        try:
            values.append(parse(float(cell) if as_float and type(cell) is int else cell, kind))
        except BadValue as bad:
            problem = f"has a value in row {row} that {bad.reason}"
            raise BadTensor(problem, expected=EXPECTED[kind]) from None
    return values


def check_cells(data: Sequence[object], datatype: str) -> None:
    """Raise unless every cell is null or of the declared datatype.

    Raises:
        BadTensor: The datatype is unknown, or a cell is of another type or out of its range.
    """
    allowed = TYPES_OF.get(datatype)
    if allowed is None:
        raise wrong_datatype(datatype, sorted(TYPES_OF))
    wrong = set(map(type, data)) - allowed - {type(None)}
    if wrong:
        row, cell = next((row, cell) for row, cell in enumerate(data) if type(cell) in wrong)
        raise BadTensor(
            f"has a value of a wrong type in row {row}",
            expected=datatype,
            found=TYPE_NAMES.get(type(cell)),
        )
    if datatype in INTEGERS:
        _check_range(data, datatype, *INTEGERS[datatype])
    elif datatype in FLOATS:
        _check_range(data, datatype, -FLOATS[datatype], FLOATS[datatype])


def wrong_datatype(datatype: str, expected: Sequence[str]) -> BadTensor:
    """Return the refusal of a datatype; an unknown one is not repeated."""
    found = datatype if datatype in TYPES_OF else "an unknown datatype"
    return BadTensor("has a wrong datatype", expected=" or ".join(expected), found=found)


def _check_range(data: Sequence[object], datatype: str, low: float, high: float) -> None:
    for row, cell in enumerate(data):
        # The declared type decides about infinite numbers and NaN.
        if isinstance(cell, int | float) and abs(cell) < inf and not low <= cell <= high:
            raise BadTensor(
                f"has a number out of range in row {row}",
                expected=f"a number that {datatype} can hold",
            )
