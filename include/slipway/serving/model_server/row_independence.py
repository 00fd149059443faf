"""Test whether a model scores each row by itself, so that requests may share a frame.

Trees score row by row; matrix products may round differently in larger frames; a custom
`pipeline.py` may even use other rows.
"""

from __future__ import annotations

from collections.abc import Callable

from slipway.serving.model_server.warm_up import ROWS, Rows

Score = Callable[[Rows], list[float]]

# Where frames change scores at all, they change about one row in five.
ALONE = 60
# Linear algebra switches its kernel with the number of rows, by the processor.
FRAMES = (2, 3, 5, 8, 16, 30, 48, 60, 80, 120, ROWS)


def scores_row_by_row(score: Score, rows: Rows) -> bool:
    """Whether each row gets bitwise the same score alone and in larger frames."""
    alone = [score(_cut(rows, place, 1))[0] for place in range(ALONE)]
    return all(alone == _in_frames(score, rows, length) for length in FRAMES)


def _in_frames(score: Score, rows: Rows, length: int) -> list[float]:
    frames = (_cut(rows, place, length) for place in range(0, ALONE, length))
    return [number for frame in frames for number in score(frame)][:ALONE]


def _cut(rows: Rows, start: int, length: int) -> Rows:
    return [column[start : start + length] for column in rows]
