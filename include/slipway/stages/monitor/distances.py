"""Compare a window with a reference: values out of range, and distances by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from slipway.stages.monitor.calibration import Calibration, block_count, block_edges, calibrate

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import ModelSpec

SHARE_MARGIN = 0.05
"""Margin over any reference block's share of nulls or of values out of range."""

Problem = Literal["nulls", "range"]


@dataclass(frozen=True)
class Columns:
    """Columns to compare, and the Evidently distance for each kind."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    numeric_method: str
    categorical_method: str

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, numeric first."""
        return (*self.numeric, *self.categorical)

    def methods(self) -> dict[str, str]:
        """Distance method by column."""
        return dict.fromkeys(self.numeric, self.numeric_method) | dict.fromkeys(
            self.categorical, self.categorical_method
        )


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


@dataclass(frozen=True)
class Comparison:
    """Comparison of a window with its champion's reference.

    Attributes:
        rows: Rows of the window.
        reference_rows: Rows of the reference.
        findings: Columns with too many nulls or values out of range.
        distances: Distance by column.
        calibration: Thresholds; None when the reference has too few blocks.
        blocks: Number of blocks of the reference.
    """

    rows: int
    reference_rows: int
    findings: Sequence[Finding]
    distances: Mapping[str, float]
    calibration: Calibration | None
    blocks: int


class DriftReport(Protocol):
    """Drift report port: distances between samples, and an HTML report."""

    def distances(
        self, reference: pd.DataFrame, current: pd.DataFrame, *, columns: Columns
    ) -> dict[str, float]:
        """Distance of each column that has values on both sides; 0: equal."""

    def html(
        self,
        reference: pd.DataFrame,
        current: pd.DataFrame,
        *,
        columns: Columns,
        thresholds: Mapping[str, float],
    ) -> bytes:
        """HTML report on the columns that have a threshold."""


def compare(
    current: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    columns: Columns,
    span_windows: float,
    spec: ModelSpec,
    reports: DriftReport,
) -> tuple[Comparison, pd.DataFrame]:
    """Compare a window with a reference; also return the rows that distances were taken from.

    Args:
        current: Tidied rows of the window.
        reference: Tidied rows of the reference, ordered by event time.
        columns: Columns to compare.
        span_windows: Windows that the reference spans in time.
        spec: The model.
        reports: Computes distances.
    """
    monitoring, seed = spec.monitoring, spec.training.seed

    def distances(before: pd.DataFrame, after: pd.DataFrame) -> Mapping[str, float]:
        return reports.distances(before, after, columns=columns)

    blocks = block_count(
        len(reference),
        span_windows=span_windows,
        min_rows=monitoring.min_rows,
        false_alarm_rate=monitoring.drift.false_alarm_rate,
    )
    calibration, sample = None, current
    if blocks >= monitoring.drift.min_blocks:
        calibration = calibrate(
            reference,
            blocks=blocks,
            window_rows=len(current),
            distances=distances,
            false_alarm_rate=monitoring.drift.false_alarm_rate,
            seed=seed,
        )
        sample = current.sample(calibration.rows, random_state=seed)
    findings = find_out_of_range(current, reference, columns=columns, blocks=blocks)
    found = distances(reference, sample)
    rows = len(current)
    return Comparison(rows, len(reference), findings, found, calibration, blocks), sample


def tidy(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The compared columns as numbers or texts, null where there is no usable value."""
    import pandas as pd

    tidied = {}
    for name in columns.names:
        values = frame[name] if name in frame else pd.Series(None, frame.index, dtype=object)
        if name in columns.numeric:
            numbers = pd.to_numeric(values, errors="coerce").astype("float64")
            tidied[name] = numbers.where(numbers.abs() != float("inf"))
        else:
            tidied[name] = values.astype(object).map(str, na_action="ignore")
    return pd.DataFrame(tidied, index=frame.index)


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
