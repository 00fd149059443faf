"""The plain request, checked in one pass: what nearly every client sends nearly every time.

Whatever is unusual about a request, wrong or not, is for the closer look that `protocol` takes;
both come to the same inputs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from slipway.serving.v2.tensors import Kind, Tensor

NOTHING: frozenset[type] = frozenset({type(None)})


class Expected(NamedTuple):
    """What a column plainly holds.

    Attributes:
        datatype: Its V2 datatype.
        types: Types of its values.
    """

    datatype: str
    types: frozenset[type]


UNEXPECTED = Expected("", frozenset())


def expected_column(kind: Kind, *, nullable: bool) -> Expected:
    """What a column plainly holds; JSON numbers with a point need no look at their range."""
    types: frozenset[type] = frozenset({float if kind == "number" else str})
    return Expected(
        "FP64" if kind == "number" else "BYTES", types | (NOTHING if nullable else set())
    )


def fast_columns(
    inputs: Sequence[Tensor], expected: Mapping[str, Expected], *, max_rows: int
) -> dict[str, list[Any]] | None:
    """Values by column, in the order they came; None if a closer look is needed.

    Args:
        inputs: What was sent.
        expected: What each column that may be sent plainly holds.
        max_rows: More rows are unusual.
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
