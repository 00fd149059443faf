"""Compare a window with a reference: values out of range, and distances by column."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

from slipway.stages.monitor.drift.bin_distances import METHODS, shares_of
from slipway.stages.monitor.drift.blocks import Blocks, cut_blocks
from slipway.stages.monitor.drift.calibration import Calibration, calibrate, thinned
from slipway.stages.monitor.drift.dependence import (
    PairChange,
    PairScores,
    PairSums,
    largest_change,
    learn_pair_scores,
)
from slipway.stages.monitor.drift.out_of_range import Finding, find_out_of_range
from slipway.stages.monitor.drift.spread import Width
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.monitor.reference.reference_counts import DAY, ReferenceCounts, count_reference
from slipway.stages.monitor.reference.season import is_season_seen, of_season

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import ModelSpec

    Array = np.ndarray[Any, Any]


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
        spreads: Logarithm of how many times as wide each numeric column is.
        pair: The pair of numeric columns whose dependence changed most; None without a limit.
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
    spreads: Mapping[str, float] = field(default_factory=dict)
    pair: PairChange | None = None

    @cached_property
    def limits(self) -> dict[str, float]:
        """Distance above which each column is drift; none of those that are only observed."""
        return self._lenient(self.calibration.thresholds() if self.calibration else {})

    @cached_property
    def spread_limits(self) -> dict[str, float]:
        """Size of the logarithm of a spread above which each column is drift."""
        return self._lenient(self.calibration.spread_limits() if self.calibration else {})

    @property
    def pair_loudness(self) -> float:
        """Change of the pair divided by its limit; above 1 it is drift."""
        limit = self.calibration.pair_limit if self.calibration else None
        if self.pair is None or not limit:
            return 0.0
        lenience = min(self.lenience.get(name, 1.0) for name in self.pair.columns)
        return self.pair.distance / (limit * lenience)

    @cached_property
    def spread_loudness(self) -> dict[str, float]:
        """Size of each change of a spread divided by its limit; above 1 it is drift."""
        limits = self.spread_limits
        return {
            name: abs(one) / limits[name]
            for name, one in self.spreads.items()
            if limits.get(name, 0.0) > 0
        }

    @cached_property
    def loudness(self) -> dict[str, float]:
        """Distance or spread of each column, whichever is further, divided by its limit.

        Largest first; above 1 it is drift.
        """
        limits, spreads = self.limits, self.spread_loudness
        found = {
            name: max(one / limits[name], spreads.get(name, 0.0))
            for name, one in self.distances.items()
            if name in limits
        }
        return dict(sorted(found.items(), key=lambda item: -item[1]))

    def _lenient(self, limits: Mapping[str, float]) -> dict[str, float]:
        return {name: limit * self.lenience.get(name, 1.0) for name, limit in limits.items()}


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
        pairs: Columns whose pairs are compared, and their sums over its rows; None without two.
    """

    rows: pd.DataFrame
    columns: Columns
    counts: ReferenceCounts
    calibration: Calibration | None
    blocks: Blocks
    is_season_seen: bool = True
    pairs: tuple[PairScores, PairSums] | None = None


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
    calibration, pairs = None, None
    is_comparable = is_seen or not by_season
    if is_comparable and blocks.judged and len(blocks.pieces) >= monitoring.drift.min_blocks:
        units = counts.units_of(compared_times, has_gaps=by_season)
        pairs = _sum_pairs(compared, units, counts, names=blocks.judged)
        calibration = calibrate(
            counts,
            blocks,
            window_rows=window_rows,
            methods=columns.methods(),
            false_alarm_rate=monitoring.drift.false_alarm_rate,
            seed=spec.training.seed,
            pairs=pairs[1] if pairs else None,
        )
    return CalibratedReference(reference, columns, counts, calibration, blocks, is_seen, pairs)


def _sum_pairs(
    rows: pd.DataFrame, units: Array, counts: ReferenceCounts, *, names: Sequence[str]
) -> tuple[PairScores, PairSums] | None:
    scores = learn_pair_scores(counts.counts, counts.bins, names)
    if scores is None:
        return None
    return scores, scores.sum_by_unit(rows, units, count=counts.units)


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
    methods, found, spreads = known.columns.methods(), {}, {}
    for name, counts in known.counts.of_window(current).items():
        before = known.counts.counts[name][:, :-1].sum(axis=0)
        after = thinned(counts, rows, random)[:-1]
        if before.sum() and after.sum():
            distance = METHODS[methods[name]].distance(shares_of(before), shares_of(after))
            found[name] = float(distance)
            if known.calibration and name in known.calibration.usual_spread:
                spreads[name] = float(Width.of(shares_of(before)).log_factor(shares_of(after)))
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
        spreads=spreads,
        pair=_changed_pair(current, known, rows=rows, seed=seed),
    )


def _changed_pair(
    current: pd.DataFrame, known: CalibratedReference, *, rows: int, seed: int
) -> PairChange | None:
    """The pair that changed most, on as many rows as a block has."""
    if known.pairs is None or known.calibration is None:
        return None
    scores, before = known.pairs
    compared = current.sample(rows, random_state=seed) if len(current) > rows else current
    return largest_change(before.total(), scores.sum(compared), scores.names)
