"""Check a request's columns together: unique names, equal shapes, matching data lengths.

Runs in model servers only.
"""

from __future__ import annotations

from collections.abc import Sequence

from slipway.serving.v2.binary import missing_data
from slipway.serving.v2.errors import Malformed, Mismatch, TooLarge
from slipway.serving.v2.tensors import Tensor, quoted_name


def columns_by_name(inputs: Sequence[Tensor]) -> dict[str, Tensor]:
    """Columns by name.

    Raises:
        Malformed: There are no columns, or a name is repeated.
    """
    if not inputs:
        raise Malformed("the request has no inputs", expected="one input per column")
    tensors = {tensor.name: tensor for tensor in inputs}
    if len(tensors) < len(inputs):
        last = {tensor.name: place for place, tensor in enumerate(inputs)}
        twice = next(t.name for place, t in enumerate(inputs) if last[t.name] != place)
        raise Malformed(f"column {quoted_name(twice)} is sent twice", expected="each column once")
    return tensors


def count_rows(inputs: Sequence[Tensor], *, max_rows: int) -> int:
    """Number of rows that the shapes declare; checked before any data is read.

    Raises:
        Mismatch: A shape is not [n] or [n, 1], or shapes differ.
        TooLarge: There are more than `max_rows` rows.
    """
    shape = inputs[0].shape
    rows = int(shape[0]) if shape else 0
    flat, nested = [rows], [rows, 1]
    for tensor in inputs:
        if tensor.shape != flat and tensor.shape != nested:  # noqa: PLR1714 - twice as fast
            raise misshapen(_odd_one(inputs, rows))
    if rows < 0:
        raise misshapen(inputs[0])
    if rows > max_rows:
        raise TooLarge(
            "the request has too many rows",
            expected=f"at most {max_rows}",
            hint="send several smaller requests",
        )
    return rows


def check_data(inputs: Sequence[Tensor], rows: int) -> None:
    """Raise if the length of a column's data differs from its shape.

    Raises:
        Malformed: A column has no data.
        Mismatch: A column has another number of values, or there are no rows.
    """
    for tensor in inputs:
        if tensor.data is None:
            raise missing_data(tensor)
        if len(tensor.data) != rows:
            raise misshapen(tensor)
    if rows == 0:
        raise Mismatch("the request has no rows", expected="at least one")


def _odd_one(inputs: Sequence[Tensor], rows: int) -> Tensor:
    """The column to report when shapes differ; first one whose data contradicts its shape."""
    for tensor in inputs:
        own = rows if tensor.data is None else len(tensor.data)
        if tensor.shape not in ([own], [own, 1]):
            return tensor
    return next(tensor for tensor in inputs if tensor.shape not in ([rows], [rows, 1]))


def misshapen(tensor: Tensor) -> Mismatch:
    """Error for a column whose data do not have the declared shape."""
    data = "its data are bytes" if tensor.data is None else f"{len(tensor.data)} values"
    return Mismatch(
        f"column {quoted_name(tensor.name)} has a wrong shape",
        expected="[n] or [n, 1], with n values, n the same for every column",
        found=f"{len(tensor.shape)} dimensions, {data}",
    )
