"""Confusion matrix of a challenger: its predicted classes against those that turned out."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.store import encode
from slipway.spec.labels import spelled
from slipway.stages.model.label_classes import UNSEEN
from slipway.stages.model.predicted_classes import predicted_classes

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec.labels import Label

FILE = "confusion_matrix.json"
"""Artifact of the training's run in MLflow."""

CONFUSION = "confusion"
"""Name of the matrix among the numbers of an evaluation: JSON."""

MOST_IN_RECORD = 10
"""Classes of a matrix that the run record holds; larger ones are in MLflow alone."""

UNKNOWN = "(unknown)"
"""Row of the labels of classes that the challenger was not trained for."""


@dataclass(frozen=True)
class Confusion:
    """Number of rows by actual and predicted class.

    Attributes:
        classes: Classes in the order of the columns.
        rows: By actual class the number of rows of each predicted one; last, where there are any,
            those of classes that the challenger was not trained for.
    """

    classes: tuple[str, ...]
    rows: tuple[tuple[int, ...], ...]

    def to_json(self) -> dict[str, Any]:
        """Return the matrix as plain JSON."""
        actual = [*self.classes, UNKNOWN][: len(self.rows)]
        return {
            "predicted": list(self.classes),
            "actual": dict(zip(actual, map(list, self.rows), strict=True)),
        }

    def file(self) -> bytes:
        """Return the matrix as the artifact."""
        return encode(self.to_json())

    def numbers(self) -> dict[str, str]:
        """Return the matrix among the numbers of an evaluation; none where it is large."""
        if len(self.classes) > MOST_IN_RECORD:
            return {}
        return {CONFUSION: json.dumps(self.to_json())}


def confusion_of(
    target: pd.Series[Any], scores: np.ndarray[Any, Any], classes: Sequence[Label]
) -> Confusion:
    """Return the confusion matrix of scores.

    Args:
        target: From `to_target`, of shape (n_rows,).
        scores: Probabilities of class 1, of shape (n_rows,), or of each class, of shape
            (n_rows, n_classes).
        classes: Classes by their codes.
    """
    import numpy as np

    predicted = predicted_classes(scores)
    count = len(classes)
    actual = target.replace(UNSEEN, count).to_numpy()
    matrix = np.zeros((count + 1, count), dtype="int64")
    np.add.at(matrix, (actual, predicted), 1)
    kept = matrix if matrix[count].any() else matrix[:count]
    return Confusion(tuple(map(spelled, classes)), tuple(map(tuple, kept.tolist())))
