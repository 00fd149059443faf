"""Metrics of the order of scores: areas under curves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import sparse

from slipway.adapters.metrics.by_block.block_rows import Array, BlockRows

CHUNK = 50
"""Resamples whose curves are held in memory at once."""


@dataclass(frozen=True)
class AreaByBlock:
    """Area under the ROC curve, from the pairs of a row of class 1 and one of the others.

    The area is a sum over pairs of blocks, so it is exact for any weights.

    Attributes:
        won: Pairs in which class 1 has the greater score, ties by half, by the blocks of both, of
            shape (n_blocks, n_blocks).
        positive: Rows of class 1 by block.
        negative: Other rows by block.
    """

    won: Array
    positive: Array
    negative: Array

    def values(self, weights: Array) -> Array:
        """Return the metric of each resample; see `BlockMetric`."""
        pairs = (weights @ self.positive) * (weights @ self.negative)
        with np.errstate(divide="ignore", invalid="ignore"):
            area: Array = ((weights @ self.won) * weights).sum(axis=1) / pairs
        return area


@dataclass(frozen=True)
class MeanArea:
    """Mean area of each class that turned out against the others.

    Attributes:
        areas: Area of each class.
    """

    areas: Sequence[AreaByBlock]

    def values(self, weights: Array) -> Array:
        """Return the metric of each resample; see `BlockMetric`."""
        every = np.column_stack([area.values(weights) for area in self.areas])
        known = np.isfinite(every)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean: Array = np.where(known, every, 0.0).sum(axis=1) / known.sum(axis=1)
        return mean


@dataclass(frozen=True)
class PrecisionByBlock:
    """Average precision.

    Attributes:
        positive: Rows of class 1 by score, from the greatest, and block, sparse, of shape
            (n_scores, n_blocks).
        every: All rows likewise, each at the next score of class 1 that is no greater.
    """

    positive: sparse.csr_array
    every: sparse.csr_array

    def values(self, weights: Array) -> Array:
        """Return the metric of each resample; see `BlockMetric`."""
        starts = range(0, len(weights), CHUNK)
        return np.concatenate([self._chunk(weights[start : start + CHUNK]) for start in starts])

    def _chunk(self, weights: Array) -> Array:
        found = self.positive @ weights.T
        precision = np.cumsum(found, axis=0)
        total = precision[-1].copy()
        with np.errstate(divide="ignore", invalid="ignore"):
            precision /= np.cumsum(self.every @ weights.T, axis=0)
            gained = np.where(found > 0, found * precision, 0.0).sum(axis=0)
            shares: Array = gained / total
        return shares


def roc_auc(rows: BlockRows) -> AreaByBlock:
    """Prepare the area under the ROC curve."""
    return _area(rows, rows.labels == 1, rows.scores)


def roc_auc_ovr(rows: BlockRows) -> MeanArea:
    """Prepare the mean area of each class that turned out against the others."""
    classes = np.unique(rows.labels)
    return MeanArea([_area(rows, rows.labels == one, rows.scores[:, one]) for one in classes])


def average_precision(rows: BlockRows) -> PrecisionByBlock:
    """Prepare the average precision."""
    is_one = rows.labels == 1
    # Precision counts at the scores of class 1 alone: rows between two of them fall to the lower.
    scores = np.unique(-rows.scores[is_one])
    places = np.searchsorted(scores, -rows.scores)
    above = places < len(scores)
    shape = (len(scores), rows.count)

    def counted(inside: Array) -> sparse.csr_array:
        ones = np.ones(int(inside.sum()))
        return sparse.csr_array((ones, (places[inside], rows.blocks[inside])), shape=shape)

    return PrecisionByBlock(counted(is_one), counted(above))


def _area(rows: BlockRows, is_one: Array, scores: Array) -> AreaByBlock:
    ones, zeros = scores[is_one], scores[~is_one]
    # Sorted, so that the searches of neighbours touch the same memory.
    order = np.argsort(ones)
    ones, of_ones = ones[order], rows.blocks[is_one][order]
    of_zeros = rows.blocks[~is_one]
    won = np.empty((rows.count, rows.count))
    for block in range(rows.count):
        inside = np.sort(zeros[of_zeros == block])
        below = np.searchsorted(inside, ones, "left") + np.searchsorted(inside, ones, "right")
        won[:, block] = np.bincount(of_ones, weights=below / 2, minlength=rows.count)
    counted = [np.bincount(one, minlength=rows.count) for one in (of_ones, of_zeros)]
    return AreaByBlock(won, *(one.astype(np.float64) for one in counted))
