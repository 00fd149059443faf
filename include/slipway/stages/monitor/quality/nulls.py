"""Find features that have more values than they used to, and calendar columns that have fewer.

Values where there were none are filled in somewhere: a model learnt what their absence means.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.quality.check import (
    SHARE_MARGIN,
    KnownRows,
    ObservedWindow,
    QualityCheck,
    QualityFinding,
)

if TYPE_CHECKING:
    import pandas as pd

FEWEST_BLOCKS, FEWEST_ROWS = 10, 50
"""Blocks into which a reference is cut at least, and rows of a block at least."""

SPREADS = 4
"""Standard deviations of the blocks' shares that a window's share may be from their mean: with ten
such columns about one window in a thousand is further by chance."""


@dataclass(frozen=True)
class NullsCheck(QualityCheck):
    """The share of missing values is within that of the reference's blocks."""

    name: str = "nulls"
    judges_few_rows: bool = False

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield the features outside of it."""
        without_distance = {one.name for one in known.calendar}
        span = known.times.max() - known.times.min()
        blocks = max(FEWEST_BLOCKS, int(span / (observed.end - observed.start)))
        blocks = max(1, min(blocks, len(known.rows) // FEWEST_ROWS))
        for column in known.features:
            lowest, highest = _limits(known.rows[column], blocks)
            share = float(observed.rows[column].isna().mean())
            if share < lowest:
                text = f"{column} is null in only {share:.1%} of rows (limit {lowest:.1%})"
                yield QualityFinding(self.name, column, text, share, lowest, "drifting")
            elif share > highest and column in without_distance:
                text = f"{column} is null in {share:.1%} of rows (limit {highest:.1%})"
                yield QualityFinding(self.name, column, text, share, highest, "drifting")


def _limits(values: pd.Series[Any], blocks: int) -> tuple[float, float]:
    """Least and largest share of missing values, by those of blocks of the reference."""
    import numpy as np

    parts = np.array_split(values.isna().to_numpy(), blocks)
    shares = np.array([part.mean() for part in parts])
    spread = float(shares.std(ddof=1)) if blocks > 1 else 0.0
    lowest = min(float(shares.min()), float(shares.mean()) - SPREADS * spread)
    highest = max(float(shares.max()), float(shares.mean()) + SPREADS * spread)
    return lowest - SHARE_MARGIN, highest + SHARE_MARGIN
