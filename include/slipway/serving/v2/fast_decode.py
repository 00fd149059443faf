"""Check the most common form of request in one pass.

Any other form, valid or not, is left to the full check in `protocol`; both return the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from slipway.serving.v2.tensors import Tensor
from slipway.stages.ports.raw_column import Kind

NOTHING: frozenset[type] = frozenset({type(None)})


class Expected(NamedTuple):
    """Datatype and value types of a column that the fast check accepts.

    Attributes:
        datatype: V2 datatype.
        types: Python types of the values.
    """

    datatype: str
    types: frozenset[type]


UNEXPECTED = Expected("", frozenset())


def expected_column(kind: Kind, *, nullable: bool) -> Expected:
    """Datatype and value types by kind; FP64 floats need no range check."""
    types: frozenset[type] = frozenset({float if kind == "number" else str})
    return Expected(
        "FP64" if kind == "number" else "BYTES", types | (NOTHING if nullable else set())
    )


def fast_columns(
    inputs: Sequence[Tensor], expected: Mapping[str, Expected], *, max_rows: int
) -> dict[str, list[Any]] | None:
    """Values by column in request order; None if the request needs the full check.

    Args:
        inputs: The request's columns.
        expected: Datatype and value types of each allowed column.
        max_rows: Limit; requests above it get the full check.
    """
    shape = inputs[0].shape if inputs else []
    if len(shape) != 1 or not 0 < shape[0] <= max_rows:
        return None
    rows = shape[0]
    columns: dict[str, list[Any]] = {}
    for tensor in inputs:
        data = tensor.data
        datatype, types = expected.get(tensor.name, UNEXPECTED)
        if (
            data is None
            or tensor.datatype != datatype
            or tensor.shape != shape
            or len(data) != rows
            or tensor.parameters is not None
            or not (type(data[0]) in types if rows == 1 else types.issuperset(map(type, data)))
        ):
            return None
        columns[tensor.name] = data
    return columns if len(columns) == len(inputs) else None
