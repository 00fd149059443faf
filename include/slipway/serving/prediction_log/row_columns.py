"""Columns with one row per scored row, from values of requests."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa

from slipway.spec.labels import Label


def repeat(values: list[str] | list[int], counts: list[int], kind: pa.DataType) -> pa.Array:
    """Column with the value of each request in all its rows."""
    pairs = zip(values, counts, strict=True)
    return pa.array(chain.from_iterable([value] * count for value, count in pairs), kind)


def spread(
    values: Sequence[Sequence[Any] | None], counts: list[int], kind: pa.DataType
) -> pa.Array:
    """Column with the values of each request, one per row; missing where it sent none."""
    pairs = zip(values, counts, strict=True)
    cells = chain.from_iterable(some or [None] * count for some, count in pairs)
    return pa.array(cells, kind)


def score_columns(scores: list[Any], classes: Sequence[Label] | None) -> dict[str, pa.Array]:
    """Columns of the answers: `score`, or of a multi-class model `label` and `scores`.

    Args:
        scores: One score per row, or a list of one per class.
        classes: Classes of a multi-class model, in the order of its scores; None of others.
    """
    if classes is None:
        return {"score": pa.array(scores, pa.float64())}
    kind = pa.int64() if all(isinstance(one, int) for one in classes) else pa.string()
    labels = [classes[row.index(max(row))] for row in scores]
    return {
        "label": pa.array(labels, kind),
        "scores": pa.array(scores, pa.list_(pa.float64())),
    }
