"""Classes that scores predict."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

HALF = 0.5


def predicted_classes(
    scores: np.ndarray[Any, Any], *, threshold: float = HALF
) -> np.ndarray[Any, Any]:
    """Return the code of the class that scores predict: the largest, or class 1 above a threshold.

    Args:
        scores: Probabilities of shape (n_rows, n_classes), or those of class 1, of shape (n_rows,).
        threshold: Of two classes the probability above which class 1 is predicted.
    """
    classes: np.ndarray[Any, Any]
    classes = scores.argmax(axis=1) if scores.ndim > 1 else (scores > threshold).astype("int64")
    return classes
