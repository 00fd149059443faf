"""Labels and scores of rows, with the block of each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class BlockRows:
    """Labels and scores of rows, with the block of each.

    Attributes:
        labels: Labels of shape (n_rows,); codes of classes for a classification.
        scores: Probabilities of class 1, or predicted values, of shape (n_rows,); of more than two
            classes those of each, of shape (n_rows, n_classes).
        blocks: Number of each row's block, from 0, of shape (n_rows,).
        count: Number of blocks.
    """

    labels: Array
    scores: Array
    blocks: Array
    count: int

    def sums(self, *columns: Array) -> Array:
        """Return the sums of columns of shape (n_rows,) by block, of shape (count, n_columns)."""
        added = [np.bincount(self.blocks, one, self.count) for one in columns]
        return np.column_stack(added)


class BlockMetric(Protocol):
    """Metric of rows whose blocks count any number of times."""

    def values(self, weights: Array) -> Array:
        """Return the metric of each resample; NaN where it is undefined.

        Args:
            weights: How often each block counts, of shape (n_resamples, n_blocks).

        Returns:
            Values of shape (n_resamples,).
        """
