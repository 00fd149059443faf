"""Cut a reference into blocks of time that stand for windows without drift."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

STRETCHES = 20
"""Independent stretches of time that a column needs, since for how long its days are alike is
estimated from the same days; `benchmarks/monitoring.py` has the rates with so many."""

WANTED_BLOCKS = 30
"""Blocks for which shorter ones are taken than a window is; shorter ones vary more, so that limits
err on the quiet side."""

MOST_BLOCKS = 200
"""More tell nothing new, and take time."""

ROWS_MARGIN = 1.25
"""Mean rows of a block over those that a window needs, since some blocks have fewer."""


@dataclass(frozen=True)
class Blocks:
    """Blocks of a reference, and the columns that they suffice for.

    Attributes:
        units: Length of a block, in units of time.
        gap: Units before and after a block that nothing is compared with: a window comes after
            its reference, never between its days.
        pieces: First unit of each block's part that stands for a window, and the one after its
            last; as long as a window, if the block is.
        judged: Columns whose units resemble one another no longer than a block lasts.
        observed: Of each other column, how many independent stretches of time there are.
    """

    units: float
    gap: int
    pieces: tuple[tuple[int, int], ...]
    judged: tuple[str, ...]
    observed: Mapping[str, int]


def cut_blocks(
    rows: Array, *, correlated: Mapping[str, float], window_units: int, min_rows: int
) -> Blocks:
    """Cut a reference into blocks as long as a window, or as its columns resemble themselves.

    A column with too few independent stretches of time is only observed. So one that changes slowly
    makes no limit for the others, and none is made for it.

    Args:
        rows: Rows by unit, of shape (n_units,).
        correlated: For how many units each column's units resemble one another.
        window_units: Units of a window.
        min_rows: Rows that a window needs.
    """
    units = len(rows)
    stretches = {name: int(units / one) for name, one in correlated.items()}
    judged = tuple(name for name, count in stretches.items() if count >= STRETCHES)
    observed = {name: count for name, count in stretches.items() if name not in judged}
    slowest = max((correlated[name] for name in judged), default=1.0)
    with_rows = ROWS_MARGIN * min_rows * units / max(1, int(rows.sum()))
    length = max(with_rows, slowest, min(window_units, units / WANTED_BLOCKS), units / MOST_BLOCKS)
    count = int(units / length)
    pieces = _pieces(rows, count, window_units=window_units, min_rows=min_rows)
    return Blocks(units / max(1, count), math.ceil(slowest), pieces, judged, observed)


def _pieces(
    rows: Array, blocks: int, *, window_units: int, min_rows: int
) -> tuple[tuple[int, int], ...]:
    """The middle of each block that has as many rows as a window needs."""
    if blocks == 0:
        return ()
    length = len(rows) / blocks
    size = min(window_units, max(1, int(length)))
    found = []
    for number in range(blocks):
        first = min(round((number + 0.5) * length - size / 2), len(rows) - size)
        if rows[max(0, first) : first + size].sum() >= min_rows:
            found.append((max(0, first), first + size))
    return tuple(found)
