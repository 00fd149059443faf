"""Metrics of predictions (scikit-learn), by the names that specs use."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics

COMPUTED: Mapping[str, Callable[[Any, Any], float]] = {
    "roc_auc": metrics.roc_auc_score,
    "average_precision": metrics.average_precision_score,
    "log_loss": lambda actual, scores: metrics.log_loss(actual, scores, labels=[0, 1]),
    "brier_score": metrics.brier_score_loss,
    "mean_absolute_error": metrics.mean_absolute_error,
    "root_mean_squared_error": metrics.root_mean_squared_error,
    "r2_score": metrics.r2_score,
}
RANKING = frozenset({"roc_auc", "average_precision"})


def measure(
    names: Sequence[str], *, actual: pd.Series[Any], scores: Any
) -> dict[str, float | None]:
    """Metrics by name; None where one cannot be computed on these rows.

    Args:
        names: Metrics, as specs name them.
        actual: Labels of shape (n_rows,); 0 and 1 for classification.
        scores: Probabilities of class 1, or predicted values, of shape (n_rows,).
    """
    truth = np.asarray(actual)
    given = np.asarray(scores, dtype=np.float64)
    return {name: _measure_one(name, truth, given) for name in names}


def _measure_one(name: str, actual: np.ndarray, scores: np.ndarray) -> float | None:
    too_few = len(actual) < (2 if name == "r2_score" else 1)
    one_class = name in RANKING and len(np.unique(actual)) < 2  # noqa: PLR2004
    if too_few or one_class or not np.isfinite(scores).all():
        return None
    value = float(COMPUTED[name](actual, scores))
    return value if math.isfinite(value) else None
