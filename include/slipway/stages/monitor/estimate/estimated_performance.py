"""Estimate the performance of a window before its labels: from scores whose rightness is known.

The holdout tells how often a class turned out at each score. If that still holds, so does the
estimate: it follows the features to harder or easier rows, and is blind to a change of what they
mean, which is concept drift. So it alerts, and no more.

Source:
    Kull, Silva Filho and Flach 2017 (calibration of scores); NannyML 2022, Confidence-Based
    Performance Estimation. Errors of a regression are in `estimated_errors`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.spec.metrics import METRICS
from slipway.stages.model.held_out_rows import HeldOutRows
from slipway.stages.model.label_classes import UNSEEN
from slipway.stages.monitor.labels.judged_rows import JudgedRows

if TYPE_CHECKING:
    import numpy as np

    from slipway.stages.ports.metrics import Measure

    Array = np.ndarray[Any, Any]

LEAST_HELD_OUT = 200
"""With fewer holdout rows nothing is estimated."""

DRAWS, MOST_ROWS = 20, 20_000
"""Drawn labels of each row, and rows that are looked at."""


@dataclass(frozen=True)
class Estimate:
    """Estimated metric of a window.

    Attributes:
        value: The estimate.
        before: What the same way estimates of the holdout.
        off: How far it was from the truth on the newer half of the holdout, by the older half.
    """

    value: float
    before: float
    off: float | None

    def drop(self, metric: str) -> float:
        """Return by how much the window is estimated to be worse than the holdout."""
        sign = 1.0 if METRICS[metric].greater_is_better else -1.0
        return sign * (self.before - self.value)


def estimate_metric(
    metric: str,
    scores: Array,
    held_out: HeldOutRows,
    *,
    threshold: float,
    seed: int,
    measure: Measure,
) -> Estimate | None:
    """Estimate a metric of scored rows without labels; None where it cannot be.

    Args:
        metric: Name of a metric of classes.
        scores: Of shape (n_rows,), or (n_rows, n_classes).
        held_out: Holdout rows of the version.
        threshold: Score above which class 1 is predicted.
        seed: Seed of the draws.
        measure: Computes the metric.
    """
    # A label of a class that the version does not know has no score.
    known = held_out.labels.ne(UNSEEN).to_numpy() | (held_out.scores.ndim == 1)
    labels, before = held_out.labels.to_numpy()[known], held_out.scores[known]
    if len(labels) < LEAST_HELD_OUT or not len(scores):
        return None

    def estimated(of: Array, by: slice) -> float | None:
        of = of[:: -(-len(of) // MOST_ROWS)]
        return _by_draws(
            metric, of, labels[by], before[by], threshold=threshold, seed=seed, measure=measure
        )

    every, half = slice(None), len(labels) // 2
    value, usual = estimated(scores, every), estimated(before, every)
    if value is None or usual is None:
        return None
    newer = estimated(before[half:], slice(0, half))
    truth = _realised(metric, labels[half:], before[half:], threshold=threshold, measure=measure)
    off = None if newer is None or truth is None else abs(newer - truth)
    return Estimate(value, usual, off)


def _by_draws(
    metric: str,
    scores: Array,
    labels: Array,
    before: Array,
    *,
    threshold: float,
    seed: int,
    measure: Measure,
) -> float | None:
    """Mean metric of labels that are drawn by how often each class turned out at a score."""
    import numpy as np

    chances = _chances(scores, labels, before)
    random = np.random.default_rng(seed)
    found = []
    for _ in range(DRAWS):
        drawn = (random.random(len(chances))[:, None] > chances.cumsum(axis=1)).sum(axis=1)
        drawn = np.minimum(drawn, chances.shape[1] - 1)
        found.append(_realised(metric, drawn, scores, threshold=threshold, measure=measure))
    values = [one for one in found if one is not None]
    return float(np.mean(values)) if len(values) == DRAWS else None


def _chances(scores: Array, labels: Array, before: Array) -> Array:
    """Chance of each class by row, calibrated class by class, of shape (n_rows, n_classes)."""
    import numpy as np

    if scores.ndim == 1:
        late = _calibrated(scores, (labels == 1).astype(np.float64), before)
        return np.column_stack([1.0 - late, late])
    chances = np.column_stack(
        [
            _calibrated(scores[:, one], (labels == one).astype(np.float64), before[:, one])
            for one in range(scores.shape[1])
        ]
    )
    total = chances.sum(axis=1, keepdims=True)
    shares: Array = np.where(total > 0, chances, 1.0) / np.where(total > 0, total, scores.shape[1])
    return shares


def _calibrated(scores: Array, outcomes: Array, before: Array) -> Array:
    """Share of the outcomes at each score, by isotonic regression."""
    import numpy as np
    from scipy.optimize import isotonic_regression

    at, places = np.unique(before, return_inverse=True)
    counts = np.bincount(places)
    shares = np.bincount(places, outcomes) / counts
    fitted = isotonic_regression(shares, weights=counts).x
    found: Array = np.interp(scores, at, fitted)
    return found


def _realised(
    metric: str, labels: Array, scores: Array, *, threshold: float, measure: Measure
) -> float | None:
    import pandas as pd

    times = truth = pd.Series(labels)
    rows = JudgedRows.of(metric, times=times, truth=truth, scores=scores, threshold=threshold)
    return measure([metric], actual=rows.truth, scores=rows.scores)[metric]
