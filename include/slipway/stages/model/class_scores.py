"""Scores of classes: by which class each column is, and the label that they predict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from slipway.spec.labels import Label
from slipway.stages.model.label_classes import UNSEEN

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.spec import ModelSpec

SCORE = "score"
"""Column of a prediction log or score table: one score per row."""

LABEL, SCORES = "label", "scores"
"""Columns of both in its place, of a multi-class model."""


def align_scores(
    scores: np.ndarray[Any, Any],
    *,
    known: Sequence[Label] | None,
    wanted: Sequence[Label] | None,
) -> np.ndarray[Any, Any] | None:
    """Return a version's scores as if its classes had been coded otherwise.

    Args:
        scores: Probabilities of class 1, or predicted values, of shape (n_rows,); of more than two
            classes those of each, of shape (n_rows, n_classes).
        known: The version's classes, in the order of their codes; None: it has no record of them.
        wanted: The classes to code it by.

    Returns:
        None where the scores are of classes that are not wanted.
    """
    if known is None or wanted is None or list(known) == list(wanted):
        return scores
    if scores.ndim == 1:
        return 1.0 - scores if list(known) == list(wanted)[::-1] else None
    places = {label: place for place, label in enumerate(wanted)}
    if not set(known) <= places.keys():
        return None
    import numpy as np

    aligned = np.zeros((len(scores), len(wanted)))
    aligned[:, [places[label] for label in known]] = scores
    return aligned


def class_shares(target: pd.Series[Any], classes: Sequence[Label] | None) -> list[float]:
    """Return the share of each class among labels, in the order of their codes.

    Args:
        target: From `to_target`, of shape (n_rows,).
        classes: Classes by their codes.
    """
    counts = target.value_counts().reindex(range(len(classes or ())), fill_value=0)
    return [float(one) for one in counts / max(1, counts.sum())]


def known_to_any(spec: ModelSpec, pinned: Sequence[Sequence[Label] | None]) -> tuple[Label, ...]:
    """Return the classes that any of several versions knows: the declared ones first.

    Args:
        spec: Model.
        pinned: Classes of each version, by their codes.
    """
    every = {label for classes in pinned for label in classes or ()}
    declared = [label for label in spec.classes or () if label in every]
    return (*declared, *sorted(every - set(declared), key=lambda one: (str(type(one)), one)))


def with_unseen(
    target: pd.Series[Any], scores: np.ndarray[Any, Any]
) -> tuple[pd.Series[Any], np.ndarray[Any, Any]]:
    """Return target and scores with one class more, which unseen labels have and no row scores.

    So each label of a class that a version does not know counts as a wrong answer, in any metric.
    As they are where there is none.

    Args:
        target: From `to_target`, of shape (n_rows,).
        scores: Of shape (n_rows,), or (n_rows, n_classes).
    """
    if scores.ndim == 1 or not target.eq(UNSEEN).any():
        return target, scores
    import numpy as np

    wider = np.column_stack([scores, np.zeros(len(scores))])
    return target.replace(UNSEEN, scores.shape[1]), wider


def labels_of(scores: np.ndarray[Any, Any], classes: Sequence[Label]) -> list[Label]:
    """Return the class with the largest score of each row.

    Args:
        scores: Of shape (n_rows, n_classes).
        classes: Classes in the order of the scores.
    """
    return [classes[code] for code in scores.argmax(axis=1).tolist()]


def answer_columns(
    scores: np.ndarray[Any, Any], classes: Sequence[Label] | None
) -> dict[str, pd.Series[Any] | np.ndarray[Any, Any]]:
    """Return the columns of a score table: `score`, or of a multi-class model `label` and `scores`.

    Args:
        scores: Of shape (n_rows,), or (n_rows, n_classes).
        classes: Classes in the order of the scores.
    """
    import pandas as pd

    if scores.ndim == 1 or classes is None:
        return {SCORE: scores}
    labels = pd.Series(labels_of(scores, classes))
    return {LABEL: labels.to_numpy(), SCORES: pd.Series(list(scores)).to_numpy()}


def score_matrix(column: pd.Series[Any], classes: Sequence[Label]) -> np.ndarray[Any, Any]:
    """Return the scores of a column of lists, of shape (n_rows, n_classes)."""
    import numpy as np

    return np.array(column.tolist(), dtype=np.float64).reshape(-1, len(classes))
