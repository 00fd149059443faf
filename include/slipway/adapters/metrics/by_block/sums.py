"""Metrics that are functions of sums over rows: errors, losses and shares."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from slipway.adapters.metrics.by_block.block_rows import Array, BlockRows
from slipway.stages.model.predicted_classes import predicted_classes
from slipway.stages.model.reliability import CALIBRATION_BINS, calibration_bins


@dataclass(frozen=True)
class SumsByBlock:
    """Metric that is a function of sums over rows.

    Attributes:
        sums: Sums by block, of shape (n_blocks, n_sums).
        combine: Returns metrics of shape (n_resamples,) of sums of shape (n_resamples, n_sums).
    """

    sums: Array
    combine: Callable[[Array], Array]

    def values(self, weights: Array) -> Array:
        """Return the metric of each resample; see `BlockMetric`."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.combine(weights @ self.sums)


def accuracy(rows: BlockRows) -> SumsByBlock:
    """Prepare the share of right classes."""
    return _mean(rows, (predicted_classes(rows.scores) == rows.labels).astype(np.float64))


def log_loss(rows: BlockRows) -> SumsByBlock:
    """Prepare the mean negative logarithm of the probability of the class that turned out."""
    scores = rows.scores
    if scores.ndim == 1:
        shares = np.column_stack([1.0 - scores, scores])
    else:
        shares = scores / scores.sum(axis=1, keepdims=True)
    # As scikit-learn does: no probability is exactly 0 or 1.
    least = np.finfo(np.float64).eps
    turned_out = shares[np.arange(len(shares)), rows.labels.astype(np.int64)]
    return _mean(rows, -np.log(np.clip(turned_out, least, 1.0 - least)))


def brier_score(rows: BlockRows) -> SumsByBlock:
    """Prepare the mean squared error of the probabilities of class 1."""
    return _mean(rows, (rows.scores - rows.labels) ** 2)


def expected_calibration_error(rows: BlockRows) -> SumsByBlock:
    """Prepare the distance of probabilities from the shares that turned out, over bins."""
    chances, outcomes, bins = calibration_bins(rows.labels, rows.scores)
    inside = np.eye(CALIBRATION_BINS)[bins]
    gaps = ((chances - outcomes)[:, None] * inside).T
    sums = rows.sums(np.ones(len(chances)), *gaps)
    return SumsByBlock(sums, lambda added: np.abs(added[:, 1:]).sum(axis=1) / added[:, 0])


def mean_absolute_error(rows: BlockRows) -> SumsByBlock:
    """Prepare the mean absolute error."""
    return _mean(rows, np.abs(rows.scores - rows.labels))


def root_mean_squared_error(rows: BlockRows) -> SumsByBlock:
    """Prepare the root of the mean squared error."""
    squared = _mean(rows, (rows.scores - rows.labels) ** 2)
    return SumsByBlock(squared.sums, lambda sums: np.sqrt(squared.combine(sums)))


def r2_score(rows: BlockRows) -> SumsByBlock:
    """Prepare the share of the labels' variance that the predictions explain."""
    # Of centred labels the sum of squares loses no digits.
    labels = rows.labels - rows.labels.mean()
    errors = (rows.scores - rows.labels) ** 2

    def combine(sums: Array) -> Array:
        count, total, squares, wrong = sums.T
        explained: Array = 1.0 - wrong / (squares - total**2 / count)
        return explained

    return SumsByBlock(rows.sums(np.ones(len(labels)), labels, labels**2, errors), combine)


def _mean(rows: BlockRows, values: Array) -> SumsByBlock:
    sums = rows.sums(np.ones(len(values)), values)
    return SumsByBlock(sums, lambda added: added[:, 1] / added[:, 0])
