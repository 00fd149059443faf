"""Bounds that hold for many figures of the same resamples at once."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy import stats

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.adapters.metrics.by_block.gain import neighbour_correlation
from slipway.stages.ports.fairness import Bounded
from slipway.stages.ports.metrics import Resampling


@dataclass(frozen=True)
class Figures:
    """Figures with their draws.

    Attributes:
        values: On all rows, of shape (n_figures,).
        draws: Of each resample, of shape (n_resamples, n_figures); NaN where undefined.
        without_one: Without each block, of shape (n_blocks, n_figures).
        independent: Number of blocks that each figure's rows amount to, of shape (n_figures,).
    """

    values: Array
    draws: Array
    without_one: Array
    independent: Array


class JointBounds:
    """Collects figures, and bounds all of them by the greatest deviation of any.

    Args:
        resampling: Blocks of the rows.

    Source:
        Romano and Wolf 2005, Exact and approximate stepdown methods for multiple hypothesis
        testing (the first step, of one-sided bounds).
    """

    def __init__(self, resampling: Resampling) -> None:
        self._resampling = resampling
        self._greatest = np.zeros(resampling.resamples)

    def errors(self, figures: Figures) -> Array:
        """Return the reach of a bound of each figure, in units of the common quantile.

        Few blocks, of which neighbours may be alike, make it wider.
        """
        count, confidence = self._resampling.count, self._resampling.confidence
        deviations = np.nanstd(figures.draws, axis=0, ddof=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = (figures.draws - figures.values) / deviations
        # A figure that no resample changes is no reason to widen the bounds of others.
        apart = np.where(np.isfinite(apart), apart, 0.0)
        self._greatest = np.maximum(self._greatest, apart.max(axis=1))
        alike = np.zeros(len(figures.values))
        if self._resampling.in_order:
            alike = np.array([neighbour_correlation(one) for one in figures.without_one.T])
        shrunk = (1 - alike) / (1 + alike)
        independent = np.maximum(2.0, figures.independent * shrunk)
        wider = stats.t.ppf(confidence, independent - 1) / stats.norm.ppf(confidence)
        errors: Array = deviations * (count / (count - 1) / shrunk) ** 0.5 * wider
        return errors

    def bounded(self, value: float, error: float) -> Bounded:
        """Return a figure with its bounds, after all were collected."""
        quantile = np.quantile(self._greatest, self._resampling.confidence)
        reach = float(quantile) * float(error)
        return Bounded(float(value), float(value) - reach, float(value) + reach)
