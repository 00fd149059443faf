"""Compare a window with a reference: values out of range, and distances by column."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from slipway.stages.monitor.calibration import Calibration, block_count, calibrate
from slipway.stages.monitor.columns import Columns
from slipway.stages.monitor.out_of_range import Finding, find_out_of_range

if TYPE_CHECKING:
    import pandas as pd

    from slipway.spec import ModelSpec


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
        names: Sequence[str],
        lead: str,
    ) -> bytes:
        """Page of HTML: the lead, and below it the distributions of some columns in both."""


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
