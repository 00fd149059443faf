"""Rates of compared groups, and what they differ by in each resample."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.adapters.metrics.fairness.group_rates import RatesByBlock
from slipway.adapters.metrics.fairness.joint_bounds import Figures
from slipway.spec.fairness import FairnessMetric


@dataclass(frozen=True)
class DrawnRates:
    """Rates of compared groups.

    Attributes:
        metric: Fairness metric that they are of.
        rates: Its rates.
        weights: How often each resample has each block, of shape (n_resamples, n_blocks).
    """

    metric: FairnessMetric
    rates: Sequence[RatesByBlock]
    weights: Array

    @property
    def samples(self) -> tuple[Array, Array, Array]:
        """Weights of all rows, of the resamples, and without each one block."""
        count = self.weights.shape[1]
        return np.ones((1, count)), self.weights, np.ones((count, count)) - np.eye(count)

    def by_group(self, names: Sequence[str]) -> dict[str, dict[str, float]]:
        """Return the rates by group."""
        values = [one.values(self.samples[0])[0].tolist() for one in self.rates]
        return {
            name: dict(zip(self.metric.rates, of_group, strict=True))
            for name, of_group in zip(names, zip(*values, strict=True), strict=True)
        }

    def pairs(self, limit: float) -> tuple[Figures, Array]:
        """Return the excess over a limit of every two groups, and the numbers of those groups.

        Args:
            limit: Greatest difference, or least ratio.

        Returns:
            Figures, and the group with the smaller and the greater rate of each, of shape
            (n_pairs, 2).
        """
        size = self.rates[0].counts.shape[1]
        least, most = np.nonzero(~np.eye(size, dtype=bool))

        def excess(rates: Array) -> Array:
            if self.metric.is_ratio:
                return limit * rates[:, most] - rates[:, least]
            return rates[:, most] - rates[:, least] - limit

        parts = []
        for one in self.rates:
            values, draws, without_one = (excess(one.values(each)) for each in self.samples)
            few = np.minimum(one.independent[least], one.independent[most])
            parts.append(Figures(values[0], draws, without_one, few))
        joined = Figures(
            np.concatenate([one.values for one in parts]),
            np.concatenate([one.draws for one in parts], axis=1),
            np.concatenate([one.without_one for one in parts], axis=1),
            np.concatenate([one.independent for one in parts]),
        )
        return joined, np.tile(np.column_stack([least, most]), (len(parts), 1))

    def overall(self) -> tuple[Array, Array, Array]:
        """Return the metric of all rows, of the resamples, and without each one block."""
        all_rows, resamples, without_one = (self._metric(each) for each in self.samples)
        return all_rows, resamples, without_one

    def _metric(self, weights: Array) -> Array:
        by_rate = []
        for one in self.rates:
            rates = one.values(weights)
            low, high = np.nanmin(rates, axis=1), np.nanmax(rates, axis=1)
            with np.errstate(divide="ignore", invalid="ignore"):
                by_rate.append(low / high if self.metric.is_ratio else high - low)
        worst: Array = np.min(by_rate, axis=0) if self.metric.is_ratio else np.max(by_rate, axis=0)
        return worst

    @property
    def independent(self) -> float:
        """Number of blocks that the rows of the rarest group amount to."""
        return float(min(one.independent.min() for one in self.rates))
