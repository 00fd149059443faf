"""Gain of a challenger over another model on the same rows, by resampling blocks of rows.

Rows of one day share what that day brought, so an interval that takes them for independent is too
narrow. Whole blocks are drawn with replacement, the same ones for both models, and neighbouring
blocks that are alike count as fewer.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from slipway.adapters.metrics.by_block.block_rows import Array, BlockMetric, BlockRows
from slipway.adapters.metrics.by_block.recomputed import Recomputed
from slipway.spec.metrics import METRICS, Metric
from slipway.stages.ports.metrics import Gain, Resampling

MOST_UNDEFINED = 0.01
"""Share of resamples in which a metric may be undefined, as where they have one class alone."""

STRONGEST_CORRELATION = 0.9


def measure_gains(
    names: Sequence[str],
    *,
    actual: pd.Series[Any],
    challenger: Any,
    other: Any,
    resampling: Resampling,
) -> dict[str, Gain | None]:
    """Return the gain in each metric; None where it cannot be computed.

    The lower and upper bounds are those of two one-sided intervals by Student's t, with the
    standard deviation of the gain over resamples of whole blocks. Of blocks in order of time the
    correlation of neighbours lowers the number of blocks that count as independent.

    Args:
        names: Metrics, as specs name them.
        actual: Labels of shape (n_rows,); codes of classes for a classification.
        challenger: Its scores, of shape (n_rows,) or (n_rows, n_classes).
        other: Scores of the model that it is compared with, likewise.
        resampling: Blocks of the rows, and how they are resampled.

    Source:
        Efron and Tibshirani 1993, An Introduction to the Bootstrap, chapter 8 (resampling of
        whole units); Davison and Hinkley 1997, Bootstrap Methods and their Application, 2.4
        (factor n / (n - 1) of few units); Bayley and Hammersley 1946 (effective number of
        correlated observations); Marriott and Pope 1954 (bias of a sample's autocorrelation).
    """
    weights = draw_weights(resampling)
    gains: dict[str, Gain | None] = {}
    for name in names:
        drawn = draw_gain(
            METRICS[name],
            np.asarray(actual),
            [np.asarray(scores, np.float64) for scores in (challenger, other)],
            resampling=resampling,
            weights=weights,
        )
        gains[name] = None if drawn is None else with_bounds(drawn, resampling.confidence)
    return gains


@dataclass(frozen=True)
class DrawnGain:
    """Gain with its draws.

    Attributes:
        value: Gain on all rows.
        draws: Gain of each resample, of shape (n_resamples,); NaN where it is undefined.
        error: Standard error.
        independent: Number of blocks that count as independent.
    """

    value: float
    draws: Array
    error: float
    independent: float

    def quantile(self, confidence: float) -> float:
        """Return Student's quantile for its number of blocks."""
        return float(stats.t.ppf(confidence, self.independent - 1))


def draw_weights(resampling: Resampling) -> Array:
    """Return how often each resample has each block, of shape (n_resamples, n_blocks)."""
    count = resampling.count
    draws = np.random.default_rng(resampling.seed)
    shares = np.full(count, 1 / count)
    return draws.multinomial(count, shares, size=resampling.resamples).astype(np.float64)


def draw_gain(
    metric: Metric,
    labels: Array,
    both: Sequence[Array],
    *,
    resampling: Resampling,
    weights: Array,
) -> DrawnGain | None:
    """Return the gain with its draws; None where it cannot be computed.

    Args:
        metric: The metric.
        labels: Labels of shape (n_rows,).
        both: Scores of the challenger, and of the other model.
        resampling: Blocks of the rows.
        weights: From `draw_weights`.
    """
    prepared = [by_block(metric, labels, one, resampling) for one in both]
    sign = 1.0 if metric.greater_is_better else -1.0

    def gains(counts: Array) -> Array:
        challenger, other = (one.values(counts) for one in prepared)
        difference: Array = sign * (challenger - other)
        return difference

    return draw_figure(gains, resampling=resampling, weights=weights)


def draw_figure(
    figure: Callable[[Array], Array], *, resampling: Resampling, weights: Array
) -> DrawnGain | None:
    """Return a figure of resampled blocks with its draws; None where it cannot be computed.

    Args:
        figure: Returns the figure of resamples, of shape (n_resamples,), for how often each has
            each block, of shape (n_resamples, n_blocks).
        resampling: Blocks of the rows.
        weights: From `draw_weights`.
    """
    count = resampling.count
    value = float(figure(np.ones((1, count)))[0])
    draws = figure(weights)
    known = draws[np.isfinite(draws)]
    if not np.isfinite(value) or len(known) < (1 - MOST_UNDEFINED) * len(weights):
        return None
    correlation = 0.0
    if resampling.in_order:
        without_one = figure(np.ones((count, count)) - np.eye(count))
        correlation = neighbour_correlation(without_one)
    independent = max(2.0, count * (1 - correlation) / (1 + correlation))
    error = float(known.std(ddof=1)) * (count / (count - 1)) ** 0.5
    return DrawnGain(value, draws, error * (count / independent) ** 0.5, independent)


def by_block(metric: Metric, labels: Array, scores: Array, resampling: Resampling) -> BlockMetric:
    """Return a metric of rows whose blocks count any number of times.

    Args:
        metric: The metric.
        labels: Labels of shape (n_rows,).
        scores: Of shape (n_rows,) or (n_rows, n_classes).
        resampling: Blocks of the rows.
    """
    rows = BlockRows(labels, scores, np.asarray(resampling.blocks), resampling.count)
    if not metric.by_block:
        return Recomputed(rows, metric)
    prepared: BlockMetric = resolve_name(metric.by_block)(rows)
    return prepared


def with_bounds(drawn: DrawnGain, confidence: float) -> Gain:
    """Return a figure with the bounds of two one-sided intervals by Student's t."""
    reach = drawn.quantile(confidence) * drawn.error
    value = drawn.value
    return Gain(value, value - reach, value + reach, drawn.error, drawn.independent)


def neighbour_correlation(without_one: Array) -> float:
    """Return the correlation of neighbouring blocks' influence, bias corrected, from 0 on.

    Args:
        without_one: A figure without each of the blocks, of shape (n_blocks,); NaN is left out.
    """
    without_one = without_one[np.isfinite(without_one)]
    centred = without_one - without_one.mean()
    squares = float(centred @ centred)
    if squares == 0.0:
        return 0.0
    found = float(centred[1:] @ centred[:-1]) / squares
    return float(np.clip(found + (1 + 3 * found) / len(centred), 0.0, STRONGEST_CORRELATION))
