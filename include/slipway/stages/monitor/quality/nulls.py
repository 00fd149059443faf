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

BLOCKS = 10
"""Contiguous blocks of the reference that show how a share changes by itself."""


@dataclass(frozen=True)
class NullsCheck(QualityCheck):
    """The share of missing values is within that of the reference's blocks."""

    name: str = "nulls"
    judges_few_rows: bool = False

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield the features outside of it."""
        without_distance = {one.name for one in known.calendar}
        for column in known.features:
            shares = _shares(known.rows[column])
            share = float(observed.rows[column].isna().mean())
            lowest, highest = min(shares) - SHARE_MARGIN, max(shares) + SHARE_MARGIN
            if share < lowest:
                text = (
                    f"{column} is null in only {share:.1%} of rows (the reference in at least "
                    f"{min(shares):.1%}, limit {lowest:.1%})"
                )
                yield QualityFinding(self.name, column, text, share, lowest, "drifting")
            elif share > highest and column in without_distance:
                text = f"{column} is null in {share:.1%} of rows (limit {highest:.1%})"
                yield QualityFinding(self.name, column, text, share, highest, "drifting")


def _shares(values: pd.Series[Any]) -> list[float]:
    """Share of missing values of each block."""
    import numpy as np

    blocks = np.array_split(values.isna().to_numpy(), min(BLOCKS, len(values)))
    return [float(block.mean()) for block in blocks]
