"""Estimate the errors of a regression before its labels: by a model of the loss over features.

It learns from holdout rows how large errors are, from the features and the predicted value. So it
follows a window to rows that are harder by any watched feature, as far as the holdout has such
rows: beyond them it expects the losses of the nearest ones.

Source:
    NannyML 2022, Direct Loss Estimation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.estimate.estimated_performance import LEAST_HELD_OUT, Estimate

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.stages.ports.losses import ExpectedLoss, FitLosses
    from slipway.stages.ports.metrics import Measure

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class KnownErrors:
    """Rows of a holdout whose errors are known, in order of time.

    Attributes:
        rows: Comparable values of features, with the predicted value among them.
        labels: Of shape (n_rows,).
        scores: Predicted values, of shape (n_rows,).
    """

    rows: pd.DataFrame
    labels: Array
    scores: Array

    def part(self, of: slice) -> KnownErrors:
        """Return some of the rows."""
        return KnownErrors(self.rows.iloc[of], self.labels[of], self.scores[of])


def estimate_errors(
    metric: str,
    rows: pd.DataFrame,
    scores: Array,
    known: KnownErrors,
    *,
    fit: FitLosses,
    seed: int,
    measure: Measure,
) -> Estimate | None:
    """Estimate a metric of scored rows without labels; None where it cannot be.

    Args:
        metric: Name of a metric of a regression.
        rows: The columns of the known rows.
        scores: Predicted values of these rows.
        known: Rows whose errors are known.
        fit: Fits a model of a loss.
        seed: Seed of the fits.
        measure: Computes the metric, for the error of the estimate.
    """
    import pandas as pd

    if len(known.labels) < LEAST_HELD_OUT or not len(scores) or metric not in ESTIMATES:
        return None
    estimate, half = ESTIMATES[metric], len(known.labels) // 2
    older, newer = known.part(slice(None, half)), known.part(slice(half, None))
    every, earlier = _Losses(known, fit, seed), _Losses(older, fit, seed)
    value, usual = estimate(every, rows, scores), estimate(every, known.rows, known.scores)
    if value is None or usual is None:
        return None
    told = estimate(earlier, newer.rows, newer.scores)
    truth = measure([metric], actual=pd.Series(newer.labels), scores=newer.scores)[metric]
    off = None if told is None or truth is None else abs(told - truth)
    return Estimate(value, usual, off)


@dataclass(frozen=True)
class _Losses:
    """Models of losses that are fitted to known errors, each at its first use."""

    known: KnownErrors
    fit: FitLosses
    seed: int
    fitted: dict[int, ExpectedLoss] = field(default_factory=dict)

    def mean(self, power: int, rows: pd.DataFrame) -> Array:
        """Expected error of each row, label minus prediction, to a power; 0: its size."""
        if power not in self.fitted:
            errors = self.known.labels - self.known.scores
            losses = abs(errors) if power == 0 else errors**power
            self.fitted[power] = self.fit(self.known.rows, losses, seed=self.seed)
        found = self.fitted[power](rows)
        return found if power == 1 else found.clip(min=0.0)


def _absolute(losses: _Losses, rows: pd.DataFrame, scores: Array) -> float:
    del scores
    return float(losses.mean(0, rows).mean())


def _root_squared(losses: _Losses, rows: pd.DataFrame, scores: Array) -> float:
    del scores
    return math.sqrt(losses.mean(2, rows).mean())


def _r2(losses: _Losses, rows: pd.DataFrame, scores: Array) -> float | None:
    """Share of the labels' variance: a label is its prediction and an error."""
    signed, squared = losses.mean(1, rows), losses.mean(2, rows)
    of_squares = scores**2 + 2 * scores * signed + squared
    variance = float(of_squares.mean()) - float((scores + signed).mean()) ** 2
    return 1 - float(squared.mean()) / variance if variance > 0 else None


ESTIMATES: Mapping[str, Callable[[_Losses, pd.DataFrame, Array], float | None]] = {
    "mean_absolute_error": _absolute,
    "root_mean_squared_error": _root_squared,
    "r2_score": _r2,
}
"""How each metric of a regression follows from expected losses."""
