"""Reliability of scores: how often they were right, in intervals of equal width."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.store import encode

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

CALIBRATION_BINS = 10
"""Bins of equal width."""

FILE = "reliability.json"
"""Artifact of the training's run in MLflow."""

RELIABILITY = "reliability"
"""Name of the bins among the numbers of an evaluation: JSON."""


@dataclass(frozen=True)
class ReliabilityBin:
    """Rows whose scores lie in one interval.

    Attributes:
        low: Lower end of the interval.
        high: Upper end.
        rows: Number of rows.
        score: Mean score.
        share: Share of rows of class 1; of several classes, whose most likely class is right.
    """

    low: float
    high: float
    rows: int
    score: float
    share: float


def calibration_bins(labels: Array, scores: Array) -> tuple[Array, Array, Array]:
    """Return probability, outcome (0 or 1) and bin of each row.

    Of more than two classes the probability of the most likely one, and whether it is right.

    Args:
        labels: Codes of the classes, of shape (n_rows,).
        scores: Probabilities of class 1, of shape (n_rows,), or of each class, of shape
            (n_rows, n_classes).
    """
    import numpy as np

    if scores.ndim == 1:
        chances, outcomes = scores, labels.astype(np.float64)
    else:
        chances = scores.max(axis=1)
        outcomes = (scores.argmax(axis=1) == labels).astype(np.float64)
    bins = np.minimum((chances * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    return chances, outcomes, bins


def reliability(actual: Array, scores: Array) -> list[ReliabilityBin]:
    """Return how often scores were right, in intervals of equal width; empty ones are left out.

    None are returned where a score is no number.

    Args:
        actual: Codes of the classes, of shape (n_rows,).
        scores: Probabilities of class 1, of shape (n_rows,), or of each class, of shape
            (n_rows, n_classes); of these the greatest counts.
    """
    import numpy as np

    if not np.isfinite(scores).all():
        return []
    likely, right, places = calibration_bins(actual, scores)
    found = []
    for place in range(CALIBRATION_BINS):
        inside = places == place
        if inside.any():
            found.append(
                ReliabilityBin(
                    place / CALIBRATION_BINS,
                    (place + 1) / CALIBRATION_BINS,
                    int(inside.sum()),
                    float(likely[inside].mean()),
                    float(right[inside].mean()),
                )
            )
    return found


def reliability_file(bins: Sequence[ReliabilityBin]) -> bytes:
    """Return the bins as the artifact."""
    return encode({"bins": [vars(one) for one in bins]})


def reliability_numbers(bins: Sequence[ReliabilityBin]) -> dict[str, str]:
    """Return the bins among the numbers of an evaluation; nothing without one."""
    if not bins:
        return {}
    rows = [[one.low, one.high, one.rows, _short(one.score), _short(one.share)] for one in bins]
    return {RELIABILITY: json.dumps(rows, separators=(",", ":"))}


def read_reliability(text: str) -> list[ReliabilityBin]:
    """Return the bins that the numbers of an evaluation hold."""
    return [ReliabilityBin(*row) for row in json.loads(text)]


def _short(value: float) -> float:
    return float(f"{value:.4g}")
