"""A window's rows against a reference's: strangers among the values, and distances by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from slipway.stages.monitor.calibration import Calibration, block_count, block_edges, calibrate

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import ModelSpec

SHARE_MARGIN = 0.05
"""How much larger than any reference block's a share of nulls or strangers may be."""

Problem = Literal["nulls", "range"]


@dataclass(frozen=True)
class Columns:
    """Which columns are compared, and by which of Evidently's distances."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    numeric_method: str
    categorical_method: str

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, numeric first."""
        return (*self.numeric, *self.categorical)

    def methods(self) -> dict[str, str]:
        """The distance of each column."""
        return dict.fromkeys(self.numeric, self.numeric_method) | dict.fromkeys(
            self.categorical, self.categorical_method
        )


@dataclass(frozen=True)
class Finding:
    """A column whose values are absent or out of place, whatever its distance is.

    Attributes:
        column: Which column.
        problem: `nulls`, or `range`: outside the reference's range or categories.
        share: Share of the window's rows.
        limit: Largest share that would have been ordinary.
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
    """A window against its champion's reference.

    Attributes:
        rows: Rows of the window.
        reference_rows: Rows of the reference.
        findings: Hard findings, never damped.
        distances: Distance by column.
        calibration: What is ordinary; none when the reference has too few blocks to say.
        blocks: How many blocks the reference has.
    """

    rows: int
    reference_rows: int
    findings: Sequence[Finding]
    distances: Mapping[str, float]
    calibration: Calibration | None
    blocks: int


class DriftReport(Protocol):
    """Distances between samples, and a page to look at."""

    def distances(
        self, reference: pd.DataFrame, current: pd.DataFrame, *, columns: Columns
    ) -> dict[str, float]:
        """Distance of each column that has values on both sides; 0 is equal."""

    def html(
        self,
        reference: pd.DataFrame,
        current: pd.DataFrame,
        *,
        columns: Columns,
        thresholds: Mapping[str, float],
    ) -> bytes:
        """A page about the columns that have a threshold."""


def compare(
    current: pd.DataFrame,
    reference: pd.DataFrame,
    *,
    columns: Columns,
    span_windows: float,
    spec: ModelSpec,
    reports: DriftReport,
) -> tuple[Comparison, pd.DataFrame]:
    """A window's rows against a reference's, and the rows that the distances were taken from.

    Args:
        current: Tidied rows of the window.
        reference: Tidied rows of the reference, ordered by event time.
        columns: Which columns.
        span_windows: How many windows the reference spans.
        spec: The model.
        reports: Evidently.
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
    """Only the compared columns: numbers or texts, null where there is no usable value."""
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
    """Columns whose nulls, range or categories are unlike any block of the reference.

    Args:
        current: Tidied rows of the window.
        reference: Tidied rows of the reference, ordered by event time.
        columns: Which columns.
        blocks: Into how many blocks the reference is cut.
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
            strange = (values < known.min()) | (values > known.max())
        else:
            strange = values.notna() & ~values.isin(known.unique())
        shares["nulls", name] = float(values.isna().mean())
        shares["range", name] = float(strange.mean()) if len(known) else 0.0
    return shares
