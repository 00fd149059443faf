"""Check the most common form of request in one pass.

Any other form, valid or not, is left to the full check in `protocol`; both return the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.serving.v2.fast_values import FastColumn
from slipway.serving.v2.tensors import Tensor

UNEXPECTED: Mapping[str, FastColumn] = {}


def fast_columns(
    inputs: Sequence[Tensor], expected: Mapping[str, Mapping[str, FastColumn]], *, max_rows: int
) -> dict[str, list[Any]] | None:
    """Values by column in request order; None if the request needs the full check.

    Args:
        inputs: The request's columns.
        expected: What is accepted of each allowed column, by datatype.
        max_rows: Limit; requests above it get the full check.
    """
    shape = inputs[0].shape if inputs else []
    if len(shape) != 1 or not 0 < shape[0] <= max_rows:
        return None
    rows = shape[0]
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        data: list[Any] | None = tensor.data
        accepted = expected.get(tensor.name, UNEXPECTED).get(tensor.datatype)
        if (
            accepted is None
            or data is None
            or tensor.shape != shape
            or len(data) != rows
            or tensor.parameters is not None
        ):
            return None
        types, read = accepted.types, accepted.read
        if not (type(data[0]) in types if rows == 1 else types.issuperset(map(type, data))):
            return None
        if read is not None:
            data = read(data)
            if data is None:
                return None
        columns[tensor.name] = data
    return columns if len(columns) == len(inputs) else None
