"""A column of a V2 request as sent, and the error that names it.

An error names the column and the row, never the value.
"""

from __future__ import annotations

import re
from typing import Any

import msgspec

from slipway.serving.v2.errors import Mismatch
from slipway.values.v2_tensors import TYPES_OF, BadTensor

Scalar = str | int | float | bool | None

NAME_SHOWN = 64
JSON_TYPES = {
    "bool": "a boolean",
    "int": "an integer",
    "float": "a fraction",
    "str": "a string",
    "array": "a list",
    "object": "an object",
}
"""What a decoder's message calls a value, in plain words."""


class Tensor(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One column as sent; with `data` None the values follow the JSON as bytes.

    JSON does not distinguish 1.0 from 1, so a shape may hold either.
    """

    name: str
    shape: list[int | float]
    datatype: str
    data: list[Scalar | list[Scalar]] | None = None
    parameters: dict[str, Scalar] | None = None


def quoted_name(name: str) -> str:
    """A column's name for an error message, cut to 64 characters."""
    return repr(name if len(name) <= NAME_SHOWN else name[:NAME_SHOWN] + "…")


def flat_data(tensor: Tensor) -> list[Any]:
    """Values of a column; one of shape (n, 1) may be nested or flat in V2."""
    data: list[Any] = tensor.data or []
    if len(tensor.shape) > 1 and all(type(cell) is list and len(cell) == 1 for cell in data):
        return [cell[0] for cell in data]
    return data


def mismatch(tensor: Tensor, bad: BadTensor) -> Mismatch:
    """Error for a column whose datatype or values are refused."""
    return Mismatch(
        f"column {quoted_name(tensor.name)} {bad.problem}", expected=bad.expected, found=bad.found
    )


def missing_value(tensor: Tensor, row: int) -> Mismatch:
    """Error for a row without a value where one is needed."""
    return Mismatch(
        f"column {quoted_name(tensor.name)} has no value in row {row}",
        expected="a value in every row",
        found="null, an empty text, or not a number",
    )


def wrong_cell(name: str, datatype: str, wrong: re.Match[str]) -> Mismatch:
    """Error for a value that no tensor can hold.

    Args:
        name: Name of the column.
        datatype: Its datatype.
        wrong: Type and row of the value, from a decoder's message.
    """
    return Mismatch(
        f"column {quoted_name(name)} has a value of a wrong type in row {wrong[2]}",
        expected=datatype if datatype in TYPES_OF else "a scalar",
        found=JSON_TYPES.get(wrong[1], "a list"),
    )
