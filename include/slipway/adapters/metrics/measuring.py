"""Compute metrics of predictions with scikit-learn, by the rows of `spec/metrics.py`."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pkgutil import resolve_name
from typing import Any

import numpy as np
import pandas as pd

from slipway.spec.metrics import METRICS, Metric
from slipway.stages.model.predicted_classes import predicted_classes


def measure(
    names: Sequence[str], *, actual: pd.Series[Any], scores: Any
) -> dict[str, float | None]:
    """Return metrics by name; None where one cannot be computed on these rows.

    Args:
        names: Metrics, as specs name them.
        actual: Labels of shape (n_rows,); codes of classes for a classification.
        scores: Probabilities of class 1, or predicted values, of shape (n_rows,); of more than two
            classes those of each, of shape (n_rows, n_classes).
    """
    labels = np.asarray(actual)
    predicted = np.asarray(scores, dtype=np.float64)
    return {name: measure_one(METRICS[name], labels, predicted) for name in names}


def measure_one(metric: Metric, labels: np.ndarray, predicted: np.ndarray) -> float | None:
    """Return one metric; None where it cannot be computed on these rows; see `measure`."""
    too_few = len(labels) < metric.min_rows
    one_class = metric.needs_both_classes and len(np.unique(labels)) < 2  # noqa: PLR2004
    if too_few or one_class or not np.isfinite(predicted).all():
        return None
    function: Callable[..., Any] = resolve_name(metric.function)
    answers = predicted_classes(predicted) if metric.takes == "classes" else predicted
    value = float(function(labels, answers, **metric.arguments))
    return value if math.isfinite(value) else None
