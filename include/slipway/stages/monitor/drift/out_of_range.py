"""Find columns with too many nulls or values outside the reference, whatever their distance."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

from slipway.stages.monitor.reference.columns import Columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

SHARE_MARGIN = 0.05
"""Margin over any reference block's share of nulls or of values out of range."""

BLOCKS = 20
"""Blocks of equally many rows that show which shares a reference's own parts have."""

FEWEST_ROWS = 50
"""Rows of a block; a share of fewer is mostly chance."""

Problem = Literal["nulls", "range"]


@dataclass(frozen=True)
class Finding:
    """A column with too many nulls or values out of range, at any distance.

    Attributes:
        column: Name of the column.
        problem: `nulls`, or `range`: outside the reference's range or categories.
        share: Share of the window's rows.
        limit: Largest share without a finding.
    """

    column: str
    problem: Problem
    share: float
    limit: float

    def __str__(self) -> str:
        if self.problem == "nulls" and self.share == 1:
            return f"{self.column} has no values"
        what = "is null" if self.problem == "nulls" else "is outside the reference's values"
        return f"{self.column} {what} in {self.share:.1%} of rows (limit {self.limit:.1%})"


def find_out_of_range(
    current: pd.DataFrame, reference: pd.DataFrame, *, columns: Columns
) -> list[Finding]:
    """Find columns with more nulls or values out of range than any block of the reference.

    Args:
        current: Tidied rows of the window.
        reference: Tidied rows of the reference, ordered by event time.
        columns: Columns to compare.
    """
    import numpy as np

    blocks = min(BLOCKS, len(reference) // FEWEST_ROWS)
    edges = np.linspace(0, len(reference), max(1, blocks) + 1).round().astype(int)
    found = []
    for name in columns.names:
        values, known = current[name], reference[name]
        nulls = known.isna().to_numpy()
        highest = max(float(nulls[start:end].mean()) for start, end in pairwise(edges))
        share = float(values.isna().mean())
        if (share == 1 and highest < 1) or share > highest + SHARE_MARGIN:
            found.append(_finding(name, "nulls", share, highest))
        if nulls.all():
            continue
        is_number = name in columns.numeric
        share = _share_outside(values, known, is_number=is_number)
        # Blocks can only raise the limit, so they matter to a share that is above the margin.
        if share > SHARE_MARGIN:
            highest = _highest_outside(known, edges, is_number=is_number)
            if share > highest + SHARE_MARGIN:
                found.append(_finding(name, "range", share, highest))
    return sorted(found, key=lambda one: one.problem)


def _finding(name: str, problem: Problem, share: float, highest: float) -> Finding:
    return Finding(name, problem, share, min(1.0, highest + SHARE_MARGIN))


def _share_outside(values: pd.Series, known: pd.Series, *, is_number: bool) -> float:
    if is_number:
        return float(((values < known.min()) | (values > known.max())).mean())
    return float((values.notna() & ~values.isin(known.dropna().unique())).mean())


def _highest_outside(known: pd.Series, edges: Array, *, is_number: bool) -> float:
    """Largest share of a block's values that are outside those of all other blocks."""
    parts = [known.iloc[start:end] for start, end in pairwise(edges)]
    if len(parts) == 1:
        return 0.0
    if is_number:
        least, most = [one.min() for one in parts], [one.max() for one in parts]
        return max(
            _share_beyond(one, least[:k] + least[k + 1 :], most[:k] + most[k + 1 :])
            for k, one in enumerate(parts)
        )
    sets = [set(one.dropna().unique()) for one in parts]
    holders: dict[str, int] = {}
    for one in sets:
        for category in one:
            holders[category] = holders.get(category, 0) + 1
    return max(
        float(part.isin([c for c in own if holders[c] == 1]).mean())
        for part, own in zip(parts, sets, strict=True)
    )


def _share_beyond(part: pd.Series, least: list[float], most: list[float]) -> float:
    import numpy as np

    # A block without values has no extremes.
    if np.isnan(least).all():
        return float(part.notna().mean())
    return float(((part < np.nanmin(least)) | (part > np.nanmax(most))).mean())
