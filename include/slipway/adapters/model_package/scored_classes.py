"""Classes that a multi-class model scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from slipway.stages.model.manifest import FITTED_CLASSES


@dataclass(frozen=True)
class ScoredClasses:
    """Classes that a multi-class model scores.

    Attributes:
        count: Number of classes.
        fitted: Codes of those that the training rows had, which the estimator knows.
    """

    count: int
    fitted: tuple[int, ...]

    def spread(self, scores: np.ndarray[Any, Any]) -> np.ndarray[Any, np.dtype[np.float64]]:
        """Return scores with a column for each class; 0 for one that the estimator lacks."""
        wide = np.zeros((len(scores), self.count))
        wide[:, self.fitted] = scores
        return wide


def scored_classes(manifest: Mapping[str, Any]) -> ScoredClasses | None:
    """Return the classes of a multi-class model; None of others."""
    if manifest["task"] != "multiclass":
        return None
    count = len(manifest["classes"])
    return ScoredClasses(count, tuple(manifest.get(FITTED_CLASSES, range(count))))
