"""Fairness metrics by fairlearn, which is imported only where a gate asks for them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pkgutil import resolve_name
from typing import Any

from sklearn.metrics import mean_absolute_error

from slipway.adapters.metrics.by_block.block_rows import Array
from slipway.spec.fairness import FairnessMetric

_BY_RATE: Mapping[str, str] = {"mean_prediction": "fairlearn.metrics.mean_prediction"}


def named_metric(
    metric: FairnessMetric, *, labels: Array, predicted: Array, groups: Array
) -> float:
    """Return a fairness metric; NaN where it is undefined.

    Args:
        metric: The metric.
        labels: Labels of shape (n_rows,).
        predicted: Predicted classes or values, of shape (n_rows,).
        groups: Number of each row's group, of shape (n_rows,).
    """
    if metric.function:
        function: Callable[..., Any] = resolve_name(metric.function)
        return float(function(labels, predicted, sensitive_features=groups))
    from fairlearn.metrics import MetricFrame

    [rate] = metric.rates
    measured = resolve_name(_BY_RATE[rate]) if rate in _BY_RATE else mean_absolute_error
    frame = MetricFrame(
        metrics=measured, y_true=labels, y_pred=predicted, sensitive_features=groups
    )
    return float(frame.difference(method="between_groups"))
