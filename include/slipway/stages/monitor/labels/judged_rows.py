"""Labelled rows as a metric judges them: of a window, or of a holdout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.spec.metrics import METRICS
from slipway.stages.model.class_scores import class_shares, with_unseen
from slipway.stages.model.decision import judged

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class JudgedRows:
    """Labels of rows and a model's scores, as one metric takes them.

    Attributes:
        metric: Name of the metric.
        times: Event times, in order.
        truth: Codes of classes, or numbers, of shape (n_rows,).
        scores: Of shape (n_rows,), or (n_rows, n_classes).
        constant: Scores of the best constant in hindsight, likewise; so the comparator that is
            hardest to beat by luck.
    """

    metric: str
    times: pd.Series[Any]
    truth: pd.Series[Any]
    scores: np.ndarray[Any, Any]
    constant: np.ndarray[Any, Any]

    @classmethod
    def of(
        cls,
        metric: str,
        *,
        times: pd.Series[Any],
        truth: pd.Series[Any],
        scores: np.ndarray[Any, Any],
        threshold: float,
    ) -> JudgedRows:
        """Return rows as a metric judges them.

        Args:
            metric: Name of the metric.
            times: Event times.
            truth: From `to_target`.
            scores: A version's scores.
            threshold: Score above which class 1 is predicted.
        """
        truth, scores = with_unseen(truth, scores)
        own, constant = (
            judged(one, metric=metric, threshold=threshold)
            for one in (scores, _constant(truth, scores))
        )
        return cls(metric, times, truth, own, constant)

    def __len__(self) -> int:
        return len(self.truth)

    @property
    def floor(self) -> np.ndarray[Any, Any] | None:
        """Scores of the constant; None by a metric that measures no skill over it."""
        return self.constant if METRICS[self.metric].has_floor else None

    @property
    def are_of_one_kind(self) -> bool:
        """Whether all labels are the same."""
        return are_of_one_kind(self.truth)


def are_of_one_kind(labels: pd.Series[Any]) -> bool:
    """Return whether all labels are the same; those of one kind may come sooner than others."""
    values = labels.to_numpy()
    return bool(len(values)) and bool((values == values[0]).all())


def _constant(truth: pd.Series[Any], scores: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    """The labels' own mean for every row, or the share of each class among them."""
    import numpy as np

    if scores.ndim == 1:
        return np.full(len(truth), truth.mean())
    return np.tile(class_shares(truth, range(scores.shape[1])), (len(truth), 1))
