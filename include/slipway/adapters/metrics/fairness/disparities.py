"""How unequally models treat groups of rows: fairlearn's metrics, with bounds for all at once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.adapters.metrics.by_block.gain import MOST_UNDEFINED, draw_weights
from slipway.adapters.metrics.fairness.drawn_rates import DrawnRates
from slipway.adapters.metrics.fairness.group_rates import RatesByBlock, rates_by_block
from slipway.adapters.metrics.fairness.joint_bounds import Figures, JointBounds
from slipway.adapters.metrics.fairness.named_metrics import named_metric
from slipway.spec.fairness import FAIRNESS_METRICS, FairnessMetric
from slipway.stages.ports.fairness import Disparity, Groups
from slipway.stages.ports.metrics import Resampling

TWO = 2
"""Fewest groups that can be compared."""


def measure_fairness(
    limits: Mapping[str, float | None],
    *,
    groups: Sequence[Groups],
    actual: Array,
    challenger: Array,
    other: Array | None,
    min_rows: int,
    resampling: Resampling,
) -> list[Disparity]:
    """Return the disparity by each metric and division of the rows; see `MeasureFairness`.

    The metric is fairlearn's. Whether it is beyond its limit is asked of every two groups, by
    resampled blocks, since the greatest of many differences is great by chance; the bounds hold
    for all of them, and for the comparisons with the other model, at once.

    Args:
        limits: Limits by metric; None: without one.
        groups: Divisions of the rows.
        actual: Labels of shape (n_rows,).
        challenger: Predicted classes or values, of shape (n_rows,).
        other: Those of another model; None without one.
        min_rows: Least number of rows that count for each rate of a group.
        resampling: Blocks of the rows, and how they are resampled.
    """
    weights, bounds = draw_weights(resampling), JointBounds(resampling)
    blocks, count = np.asarray(resampling.blocks), resampling.count
    found = []
    for division in groups:
        rows = _Rows(division, actual, challenger, other, blocks, count)
        for name, limit in limits.items():
            measured = _Measurement(FAIRNESS_METRICS[name], limit, rows, min_rows, weights)
            found.append(measured.collect(bounds))
    return [one.finish(bounds) for one in found]


@dataclass(frozen=True)
class _Rows:
    """Rows in groups, with what both models predict."""

    groups: Groups
    labels: Array
    challenger: Array
    other: Array | None
    blocks: Array
    count: int

    def rates(self, metric: FairnessMetric, predicted: Array) -> list[RatesByBlock]:
        """Rates of all groups."""
        return [
            rates_by_block(
                name,
                labels=self.labels,
                predicted=predicted,
                codes=self.groups.codes,
                groups=len(self.groups.names),
                blocks=self.blocks,
                count=self.count,
            )
            for name in metric.rates
        ]

    def metric(self, metric: FairnessMetric, predicted: Array, kept: Array) -> float | None:
        """The metric of the groups that are kept; None where it is undefined."""
        codes = self.groups.codes
        inside = (codes >= 0) & kept[codes]
        if not metric.function:
            [rate] = self.rates(metric, predicted)
            rates = rate.of(kept).values(np.ones((1, self.count)))
            return float(rates.max() - rates.min())
        value = named_metric(
            metric,
            labels=self.labels[inside],
            predicted=predicted[inside],
            groups=codes[inside],
        )
        return value if np.isfinite(value) else None


@dataclass(frozen=True)
class _Measurement:
    """One metric of one division."""

    metric: FairnessMetric
    limit: float | None
    rows: _Rows
    min_rows: int
    weights: Array

    def collect(self, bounds: JointBounds) -> _Collected:
        """Hand all figures over that the bounds shall hold for."""
        division, rows = self.rows.groups, self.rows
        every = rows.rates(self.metric, rows.challenger)
        sizes = np.bincount(division.codes[division.codes >= 0], minlength=len(division.names))
        found = Disparity(
            self.metric.name,
            division.by,
            rates={},
            rows=dict(zip(division.names, sizes.tolist(), strict=True)),
        )
        kept = self._large_enough(every)
        names = [name for name, is_kept in zip(division.names, kept, strict=True) if is_kept]
        value = None
        if len(names) >= TWO:
            value = rows.metric(self.metric, rows.challenger, kept)
        if value is None:
            return _Collected(found)
        rates = [one.of(kept) for one in every]
        drawn = DrawnRates(self.metric, rates, self.weights)
        collected = _Collected(replace(found, value=value, rates=drawn.by_group(names)), names)
        collected = collected.with_pairs(drawn, self.limit, bounds)
        if rows.other is None:
            return collected
        others = [one.of(kept) for one in rows.rates(self.metric, rows.other)]
        champion = DrawnRates(self.metric, others, self.weights)
        told = rows.metric(self.metric, rows.other, kept)
        return collected.with_other(drawn, champion, told, bounds)

    def _large_enough(self, rates: Sequence[RatesByBlock]) -> Array:
        """Whether each group has enough rows, and some in nearly every resample."""
        kept = np.ones(rates[0].counts.shape[1], dtype=bool)
        for one in rates:
            kept &= one.counts.sum(axis=0) >= self.min_rows
            kept &= (self.weights @ one.counts > 0).mean(axis=0) >= 1 - MOST_UNDEFINED
        return kept


@dataclass(frozen=True)
class _Collected:
    """A disparity whose bounds are not computed yet."""

    disparity: Disparity
    names: Sequence[str] = ()
    excess: tuple[Array, Array, Array] | None = None
    increase: tuple[float, float] | None = None

    def with_pairs(self, drawn: DrawnRates, limit: float | None, bounds: JointBounds) -> _Collected:
        """Add what every two groups differ by."""
        figures, pairs = drawn.pairs(0.0 if limit is None else limit)
        if limit is None:
            first = int(np.argmax(figures.values))
            return _Collected(self._between(pairs[first]), self.names)
        excess = (figures.values, bounds.errors(figures), pairs)
        return _Collected(self.disparity, self.names, excess)

    def with_other(
        self, own: DrawnRates, other: DrawnRates, told: float | None, bounds: JointBounds
    ) -> _Collected:
        """Add by how much it is worse than another model's."""
        sign = -1.0 if own.metric.is_ratio else 1.0
        both = zip(own.overall(), other.overall(), strict=True)
        value, draws, without_one = (sign * (mine - its) for mine, its in both)
        disparity = replace(self.disparity, other=told)
        if told is None or np.isfinite(draws).mean() < 1 - MOST_UNDEFINED:
            return _Collected(disparity, self.names, self.excess)
        [error] = bounds.errors(
            Figures(value, draws[:, None], without_one[:, None], np.array([own.independent]))
        )
        return _Collected(disparity, self.names, self.excess, (float(value[0]), float(error)))

    def finish(self, bounds: JointBounds) -> Disparity:
        """Return the disparity with its bounds."""
        disparity = self.disparity
        if self.excess is not None:
            values, errors, pairs = self.excess
            every = [bounds.bounded(*one) for one in zip(values, errors, strict=True)]
            first = max(range(len(every)), key=lambda one: (every[one].lower, every[one].value))
            disparity = replace(self._between(pairs[first]), excess=every[first])
        if self.increase is not None:
            disparity = replace(disparity, increase=bounds.bounded(*self.increase))
        return disparity

    def _between(self, pair: Array) -> Disparity:
        least, most = (self.names[int(one)] for one in pair)
        return replace(self.disparity, pair=(least, most))
