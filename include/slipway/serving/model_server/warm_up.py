"""Synthetic rows to warm up a model and to test whether scores depend on the batch.

Trees score row by row; matrix products may round differently in larger frames; a custom
`pipeline.py` may even use other rows.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from slipway.serving.v2.signature import Column, Signature

Rows = list[list[float | str | None]]
Score = Callable[[Rows], list[float]]

ROWS = 240
# Where frames change scores at all, they change about one row in five.
ALONE = 60
# Linear algebra switches its kernel with the number of rows, by the processor.
FRAMES = (2, 3, 5, 8, 16, 30, 48, 60, 80, 120, ROWS)
NULL_SHARE = 0.1


def plausible_rows(signature: Signature, ranges: Mapping[str, Mapping[str, Any]]) -> Rows:
    """Values by column within the ranges seen in training; optional columns have some nulls.

    Args:
        signature: The model's inputs.
        ranges: `numbers` with minimum and maximum, `categories` with their values, by column.
    """
    draw = random.Random(0)  # noqa: S311 - the same rows each time
    return [
        [
            None
            if not column.required and draw.random() < NULL_SHARE
            else _value(column, ranges, draw)
            for _ in range(ROWS)
        ]
        for column in signature.columns
    ]


def scores_row_by_row(score: Score, rows: Rows) -> bool:
    """Whether each row gets bitwise the same score alone and in larger frames."""
    alone = [score(_cut(rows, place, 1))[0] for place in range(ALONE)]
    return all(alone == _in_frames(score, rows, length) for length in FRAMES)


def _in_frames(score: Score, rows: Rows, length: int) -> list[float]:
    frames = (_cut(rows, place, length) for place in range(0, ALONE, length))
    return [number for frame in frames for number in score(frame)][:ALONE]


def _cut(rows: Rows, start: int, length: int) -> Rows:
    return [column[start : start + length] for column in rows]


def _value(
    column: Column, ranges: Mapping[str, Mapping[str, Any]], draw: random.Random
) -> float | str:
    if column.kind == "number":
        low, high = ranges.get("numbers", {}).get(column.name, (0.0, 1.0))
        return draw.uniform(low, high)
    seen: Sequence[str] = ranges.get("categories", {}).get(column.name) or [""]
    return draw.choice(seen)
