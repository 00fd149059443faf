"""Metrics that are functions of a confusion matrix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from slipway.adapters.metrics.by_block.block_rows import Array, BlockRows
from slipway.stages.model.predicted_classes import predicted_classes


@dataclass(frozen=True)
class ConfusionsByBlock:
    """Metric that is a function of a confusion matrix.

    Attributes:
        counts: Rows by block, actual and predicted class, of shape (n_blocks, n_classes²).
        combine: Returns metrics of shape (n_resamples,) of matrices of shape
            (n_resamples, n_classes, n_classes).
    """

    counts: Array
    combine: Callable[[Array], Array]

    def values(self, weights: Array) -> Array:
        """Return the metric of each resample; see `BlockMetric`."""
        matrices = weights @ self.counts
        classes = round(self.counts.shape[1] ** 0.5)
        with np.errstate(divide="ignore", invalid="ignore"):
            return self.combine(matrices.reshape(-1, classes, classes))


def balanced_accuracy(rows: BlockRows) -> ConfusionsByBlock:
    """Prepare the mean recall of the classes that turned out."""
    return ConfusionsByBlock(_counts(rows), _mean_recall)


def f1_macro(rows: BlockRows) -> ConfusionsByBlock:
    """Prepare the mean F1 of the classes that turned out or were predicted."""
    return ConfusionsByBlock(_counts(rows), _mean_f1)


def quadratic_kappa(rows: BlockRows) -> ConfusionsByBlock:
    """Prepare Cohen's kappa, weighted by the squared distance of ordered classes."""
    return ConfusionsByBlock(_counts(rows), _quadratic_kappa)


def _counts(rows: BlockRows) -> Array:
    labels = rows.labels.astype(np.int64)
    predicted = predicted_classes(rows.scores)
    classes = int(max(labels.max(), predicted.max())) + 1
    cells = (rows.blocks * classes + labels) * classes + predicted
    counted = np.bincount(cells, minlength=rows.count * classes**2)
    return counted.reshape(rows.count, -1).astype(np.float64)


def _mean_recall(matrices: Array) -> Array:
    actual = matrices.sum(axis=2)
    right = np.diagonal(matrices, axis1=1, axis2=2)
    return _mean_where(right / actual, actual > 0)


def _mean_f1(matrices: Array) -> Array:
    met = matrices.sum(axis=1) + matrices.sum(axis=2)
    right = np.diagonal(matrices, axis1=1, axis2=2)
    return _mean_where(2.0 * right / met, met > 0)


def _mean_where(values: Array, counts: Array) -> Array:
    mean: Array = np.where(counts, values, 0.0).sum(axis=1) / counts.sum(axis=1)
    return mean


def _quadratic_kappa(matrices: Array) -> Array:
    classes = np.arange(matrices.shape[1])
    distance = (classes[:, None] - classes[None, :]) ** 2
    expected = matrices.sum(axis=2)[:, :, None] * matrices.sum(axis=1)[:, None, :]
    rows = matrices.sum(axis=(1, 2))
    apart = (distance * matrices).sum(axis=(1, 2))
    kappa: Array = 1.0 - apart * rows / (distance * expected).sum(axis=(1, 2))
    return kappa
