"""Fairness metrics by fairlearn, which is imported only where a gate asks for them."""

from __future__ import annotations

from collections.abc import Callable
from pkgutil import resolve_name
from typing import Any

import numpy as np

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.spec.fairness import FairnessMetric


def named_metric(
    metric: FairnessMetric, *, labels: Array, predicted: Array, groups: Array
) -> float:
    """Return a fairness metric of classes; NaN where it is undefined.

    Equal rows are handed over once, with their number as their weight: fairlearn goes through rows
    one by one, and takes seconds for 100,000.

    Args:
        metric: Metric with a function of fairlearn.
        labels: Codes of the classes, of shape (n_rows,).
        predicted: Codes of predicted classes, of shape (n_rows,).
        groups: Number of each row's group, of shape (n_rows,).
    """
    function: Callable[..., Any] = resolve_name(metric.function)
    labels, predicted = labels.astype(np.int64), predicted.astype(np.int64)
    size = int(max(labels.max(), predicted.max())) + 1
    counts = np.bincount((groups * size + labels) * size + predicted)
    cells = np.flatnonzero(counts)
    return float(
        function(
            cells // size % size,
            cells % size,
            sensitive_features=cells // size**2,
            sample_weight=counts[cells],
        )
    )
