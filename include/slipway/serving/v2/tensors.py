"""A column of a V2 request as sent, and the error that names it.

An error names the column and the row, never the value.
"""

from __future__ import annotations

from typing import Any

import msgspec

from slipway.serving.v2.errors import Mismatch
from slipway.values.v2_tensors import BadTensor

Scalar = str | int | float | bool | None

NAME_SHOWN = 64


class Tensor(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """One column as sent; with `data` None the values follow the JSON as bytes.

    JSON does not distinguish 1.0 from 1, so a shape may hold either.
    """

    name: str
    shape: list[int | float]
    datatype: str
    data: list[Any] | None = None
    parameters: dict[str, Scalar] | None = None


def quoted_name(name: str) -> str:
    """A column's name for an error message, cut to 64 characters."""
    return repr(name if len(name) <= NAME_SHOWN else name[:NAME_SHOWN] + "…")


def flat_data(tensor: Tensor) -> list[Any]:
    """Values of a column; one of shape (n, 1) may be nested or flat in V2."""
    data = tensor.data or []
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
