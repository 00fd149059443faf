"""Columns with one row per scored row, from values of requests."""

from __future__ import annotations

from itertools import chain

import pyarrow as pa


def repeat(values: list[str] | list[int], counts: list[int], kind: pa.DataType) -> pa.Array:
    """Column with the value of each request in all its rows."""
    pairs = zip(values, counts, strict=True)
    return pa.array(chain.from_iterable([value] * count for value, count in pairs), kind)


def spread(values: list[list[str] | None], counts: list[int], kind: pa.DataType) -> pa.Array:
    """Column with the values of each request, one per row; missing where it sent none."""
    pairs = zip(values, counts, strict=True)
    nothing: list[str | None] = [None]
    return pa.array(chain.from_iterable(some or nothing * count for some, count in pairs), kind)
