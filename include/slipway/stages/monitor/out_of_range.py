"""Find columns with too many nulls or values outside the reference, whatever their distance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from slipway.stages.monitor.calibration import block_edges
from slipway.stages.monitor.columns import Columns

if TYPE_CHECKING:
    import pandas as pd

SHARE_MARGIN = 0.05
"""Margin over any reference block's share of nulls or of values out of range."""

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
    current: pd.DataFrame, reference: pd.DataFrame, *, columns: Columns, blocks: int
) -> list[Finding]:
    """Find columns with more nulls or values out of range than any block of the reference.

    Args:
        current: Tidied rows of the window.
        reference: Tidied rows of the reference, ordered by event time.
        columns: Columns to compare.
        blocks: Number of blocks of the reference.
    """
    ordinary = [_shares(reference, reference, columns)]
    for start, end in block_edges(len(reference), blocks) if blocks > 1 else ():
        rest = reference.drop(reference.index[start:end])
        ordinary.append(_shares(reference.iloc[start:end], rest, columns))
    findings = []
    for (problem, name), share in _shares(current, reference, columns).items():
        highest = max(one[problem, name] for one in ordinary)
        gone = problem == "nulls" and share == 1 and highest < 1
        if gone or share > highest + SHARE_MARGIN:
            findings.append(Finding(name, problem, share, min(1.0, highest + SHARE_MARGIN)))
    return findings


def _shares(
    sample: pd.DataFrame, reference: pd.DataFrame, columns: Columns
) -> dict[tuple[Problem, str], float]:
    shares: dict[tuple[Problem, str], float] = {}
    for name in columns.names:
        values, known = sample[name], reference[name].dropna()
        if name in columns.numeric:
            outside = (values < known.min()) | (values > known.max())
        else:
            outside = values.notna() & ~values.isin(known.unique())
        shares["nulls", name] = float(values.isna().mean())
        shares["range", name] = float(outside.mean()) if len(known) else 0.0
    return shares
