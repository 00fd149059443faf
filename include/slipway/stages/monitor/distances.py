"""Compare a window with a reference: values out of range, and distances by column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol

from slipway.stages.monitor.bin_distances import METHODS, shares_of
from slipway.stages.monitor.blocks import Blocks, cut_blocks
from slipway.stages.monitor.calibration import Calibration, calibrate, thinned
from slipway.stages.monitor.columns import Columns
from slipway.stages.monitor.out_of_range import Finding, find_out_of_range
from slipway.stages.monitor.reference_counts import DAY, ReferenceCounts, count_reference
from slipway.stages.monitor.season import is_season_seen, of_season

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
        calibration: Limits; None when the reference has too few blocks for every column.
        observed: Columns whose days are alike for too long, with the independent stretches of time
            that the reference has of each.
        blocks: Blocks with as many rows as a window needs.
        block_days: Length of a block.
        span_days: Days of the reference.
        is_season_seen: Whether the reference has rows of the window's time of the year.
        answers: Those columns that are the model's answers.
        lenience: How many times its limit a feature may be away that hardly moves the answers.
    """

    rows: int
    reference_rows: int
    findings: Sequence[Finding]
    distances: Mapping[str, float]
    calibration: Calibration | None
    observed: Mapping[str, int] = field(default_factory=dict)
    blocks: int = 0
    block_days: float = 0.0
    span_days: float = 0.0
    is_season_seen: bool = True
    answers: Collection[str] = ()
    lenience: Mapping[str, float] = field(default_factory=dict)

    @property
    def limits(self) -> dict[str, float]:
        """Distance above which each column is drift; none of those that are only observed."""
        limits = self.calibration.thresholds() if self.calibration else {}
        return {name: limit * self.lenience.get(name, 1.0) for name, limit in limits.items()}

    @property
    def loudness(self) -> dict[str, float]:
        """Distance of each column divided by its limit, largest first; above 1 it is drift."""
        limits = self.limits
        found = {name: one / limits[name] for name, one in self.distances.items() if name in limits}
        return dict(sorted(found.items(), key=lambda item: -item[1]))


class DriftReport(Protocol):
    """Drift report port: an HTML report."""

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


@dataclass(frozen=True)
class CalibratedReference:
    """A reference with its limits, which windows of one version share.

    Attributes:
        rows: Its tidied rows, ordered by event time.
        columns: Columns to compare.
        counts: Their counts.
        calibration: Limits; None when it has too few blocks for every column.
        blocks: Its blocks, and which columns they suffice for.
        is_season_seen: Whether it has rows of the window's time of the year.
    """

    rows: pd.DataFrame
    columns: Columns
    counts: ReferenceCounts
    calibration: Calibration | None
    blocks: Blocks
    is_season_seen: bool = True


def calibrate_reference(
    reference: pd.DataFrame,
    times: pd.Series[Any],
    *,
    columns: Columns,
    window: timedelta,
    window_rows: int,
    spec: ModelSpec,
    middle: datetime | None = None,
    counted: ReferenceCounts | None = None,
) -> CalibratedReference:
    """Count a reference's rows, cut it into blocks, and calibrate limits on them.

    With `monitoring.drift.reference: season` these are its rows of the window's season; one that it
    has not seen has no limits.

    Args:
        reference: Tidied rows, ordered by event time.
        times: Their event times, UTC.
        columns: Columns to compare.
        window: Length of a window.
        window_rows: Rows of the window in question.
        spec: The model.
        middle: Middle of the window; None: its season does not matter.
        counted: Counts of all of the rows; None: they are counted.
    """
    monitoring = spec.monitoring
    is_seen = middle is None or is_season_seen(times, middle)
    by_season = middle is not None and monitoring.drift.reference == "season"
    compared, compared_times = reference, times
    if middle is not None and by_season and is_seen:
        kept = of_season(times, middle)
        compared, compared_times = reference[kept], times[kept]
    counts = counted
    if counts is None or by_season:
        counts = count_reference(
            compared, compared_times, columns=columns, window=window, has_gaps=by_season
        )
    blocks = cut_blocks(
        counts.rows(),
        correlated=counts.correlated_units(),
        window_units=max(1, round(window / counts.unit)),
        min_rows=monitoring.min_rows,
    )
    calibration = None
    is_comparable = is_seen or not by_season
    if is_comparable and blocks.judged and len(blocks.pieces) >= monitoring.drift.min_blocks:
        calibration = calibrate(
            counts,
            blocks,
            window_rows=window_rows,
            methods=columns.methods(),
            false_alarm_rate=monitoring.drift.false_alarm_rate,
            seed=spec.training.seed,
        )
    return CalibratedReference(reference, columns, counts, calibration, blocks, is_seen)


def compare(current: pd.DataFrame, known: CalibratedReference, *, seed: int) -> Comparison:
    """Compare a window with a reference.

    Args:
        current: Tidied rows of the window.
        known: The reference.
        seed: Seed of the row samples.
    """
    import numpy as np

    random, days = np.random.default_rng(seed), known.counts.unit / DAY
    rows = known.calibration.rows if known.calibration else len(current)
    methods, found = known.columns.methods(), {}
    for name, counts in known.counts.of_window(current).items():
        before = known.counts.counts[name][:, :-1].sum(axis=0)
        after = thinned(counts, rows, random)[:-1]
        if before.sum() and after.sum():
            distance = METHODS[methods[name]].distance(shares_of(before), shares_of(after))
            found[name] = float(distance)
    return Comparison(
        rows=len(current),
        reference_rows=len(known.rows),
        findings=find_out_of_range(current, known.rows, columns=known.columns),
        distances=found,
        calibration=known.calibration,
        observed=known.blocks.observed,
        blocks=len(known.blocks.pieces),
        block_days=known.blocks.units * days,
        span_days=known.counts.units * days,
        answers=known.columns.answers,
        is_season_seen=known.is_season_seen,
    )
