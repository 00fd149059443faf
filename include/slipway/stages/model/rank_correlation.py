"""Spearman's rank correlation of two models' scores, with a bound; pure."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from slipway.stages.model.agreement import measure_agreement

if TYPE_CHECKING:
    import numpy as np

FISHER_ERROR = 1.03
"""Standard error of Fisher's z of a rank correlation, times sqrt(n - 3): E. C. Fieller,
H. O. Hartley and E. S. Pearson, Biometrika 44 (1957), 470-481."""
SURE_DEVIATIONS = 2.33
FEWEST_ROWS = 4


def rank_correlation(scores: np.ndarray[Any, Any], others: np.ndarray[Any, Any]) -> float | None:
    """Return Spearman's correlation of scores, of several classes over all; None: not comparable.

    Args:
        scores: Of shape (n_rows,), or (n_rows, n_classes).
        others: Of the same shape.
    """
    agreement = measure_agreement(_ranks(scores), _ranks(others))
    return None if agreement is None else agreement.correlation


def highest_rank_correlation(found: float, *, rows: int) -> float:
    """One-sided upper bound of a rank correlation at 99 %; 1 with too few rows."""
    if rows < FEWEST_ROWS:
        return 1.0
    most = SURE_DEVIATIONS * FISHER_ERROR / math.sqrt(rows - FEWEST_ROWS + 1)
    inside = max(-1 + 1e-9, min(1 - 1e-9, found))
    return math.tanh(math.atanh(inside) + most)


def _ranks(scores: np.ndarray[Any, Any]) -> list[Any]:
    """Ranks by class, the mean of ties; what is missing stays missing."""
    import pandas as pd

    ranked = pd.DataFrame(scores).rank().to_numpy()
    found: list[Any] = (ranked[:, 0] if scores.ndim == 1 else ranked).tolist()
    return found
