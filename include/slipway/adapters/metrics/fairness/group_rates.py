"""Rates of groups of rows, as sums by block, so that any resample of blocks has them at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.spec.fairness import RateName


@dataclass(frozen=True)
class Rate:
    """A rate of rows.

    Attributes:
        counts: Returns which rows count, of labels of shape (n_rows,).
        values: Returns what each row adds, of labels and predictions of shape (n_rows,).
    """

    counts: Callable[[Array], Array]
    values: Callable[[Array, Array], Array]


def _every(labels: Array) -> Array:
    return np.ones(len(labels))


def _positive(labels: Array) -> Array:
    positive: Array = (labels == 1).astype(np.float64)
    return positive


RATES: Mapping[RateName, Rate] = {
    "selection_rate": Rate(_every, lambda _, predicted: predicted == 1),
    "true_positive_rate": Rate(_positive, lambda _, predicted: predicted == 1),
    "false_positive_rate": Rate(
        lambda labels: 1.0 - _positive(labels), lambda _, predicted: predicted == 1
    ),
    "accuracy": Rate(_every, lambda labels, predicted: labels == predicted),
    "mean_prediction": Rate(_every, lambda _, predicted: predicted),
    "mean_absolute_error": Rate(_every, lambda labels, predicted: np.abs(labels - predicted)),
}


@dataclass(frozen=True)
class RatesByBlock:
    """One rate of several groups.

    Attributes:
        sums: What the rows add, by block and group, of shape (n_blocks, n_groups).
        counts: How many rows count, likewise.
    """

    sums: Array
    counts: Array

    def values(self, weights: Array) -> Array:
        """Return the rates of resamples, of shape (n_resamples, n_groups); NaN without a row.

        Args:
            weights: How often each block counts, of shape (n_resamples, n_blocks).
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            rates: Array = (weights @ self.sums) / (weights @ self.counts)
        return rates

    @property
    def independent(self) -> Array:
        """Number of blocks that each group's rows amount to, of shape (n_groups,).

        Source:
            Kish 1965, Survey Sampling, 11.7 (effective number of unequal weights).
        """
        with np.errstate(divide="ignore", invalid="ignore"):
            found: Array = self.counts.sum(axis=0) ** 2 / (self.counts**2).sum(axis=0)
        return np.nan_to_num(found)

    def of(self, groups: Array) -> RatesByBlock:
        """Return the rates of some groups.

        Args:
            groups: Whether each one is kept, of shape (n_groups,).
        """
        return RatesByBlock(self.sums[:, groups], self.counts[:, groups])


def rates_by_block(
    name: RateName,
    *,
    labels: Array,
    predicted: Array,
    codes: Array,
    groups: int,
    blocks: Array,
    count: int,
) -> RatesByBlock:
    """Return the sums of a rate by block and group.

    Args:
        name: The rate.
        labels: Labels of shape (n_rows,).
        predicted: Predicted classes or values, of shape (n_rows,).
        codes: Number of each row's group; -1: of none.
        groups: Number of groups.
        blocks: Number of each row's block.
        count: Number of blocks.
    """
    rate, inside = RATES[name], codes >= 0
    counted = rate.counts(labels)[inside]
    added = rate.values(labels, predicted)[inside] * counted
    cells = blocks[inside] * groups + codes[inside]
    sums, counts = (np.bincount(cells, one, count * groups) for one in (added, counted))
    return RatesByBlock(sums.reshape(count, groups), counts.reshape(count, groups))
