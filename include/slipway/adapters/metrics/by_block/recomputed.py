"""Any metric of resampled blocks, computed anew on the rows of each resample."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from slipway.adapters.metrics.by_block.block_rows import Array, BlockRows
from slipway.adapters.metrics.measuring import measure_one
from slipway.spec.metrics import Metric


@dataclass(frozen=True)
class Recomputed:
    """Metric that is computed anew on the rows of each resample.

    Attributes:
        rows: Rows with their blocks.
        metric: Any metric; one with a `by_block` is faster by that.
    """

    rows: BlockRows
    metric: Metric

    def values(self, weights: Array) -> Array:
        """Return the metric of each resample; see `BlockMetric`."""
        return np.array([self._value(counts) for counts in weights.astype(np.int64)])

    def _value(self, counts: Array) -> float:
        chosen = np.repeat(np.arange(len(self.rows.labels)), counts[self.rows.blocks])
        value = measure_one(self.metric, self.rows.labels[chosen], self.rows.scores[chosen])
        return float("nan") if value is None else value
