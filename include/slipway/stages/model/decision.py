"""Decision: the score from which class 1 is predicted, chosen by what wrong classes cost."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from slipway.spec.calibration import DecisionCosts
from slipway.spec.metrics import METRICS
from slipway.stages.model.predicted_classes import HALF
from slipway.stages.model.version_tags import TAG_PREFIX

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

THRESHOLD = "decision_threshold"
"""Number of a training, entry of a version's manifest and, after the prefix, its tag."""

TAG = f"{TAG_PREFIX}{THRESHOLD}"


def threshold_of(kept: Mapping[str, Any], name: str = THRESHOLD) -> float:
    """Return the score above which class 1 is predicted; one half where none was chosen.

    Args:
        kept: Manifest or tags of a version, or numbers of its training.
        name: Name of the threshold there.
    """
    return float(kept.get(name, HALF))


def tags_of(kept: Mapping[str, Any]) -> dict[str, str]:
    """Return the tag of a threshold that was chosen, from manifest or numbers of a training."""
    return {TAG: repr(kept[THRESHOLD])} if THRESHOLD in kept else {}


def cheapest_threshold(labels: Array, scores: Array, costs: DecisionCosts) -> float:
    """Return the threshold whose predictions cost least on some rows.

    Of several that cost the same, the nearest to the one that would be right if the scores were
    true probabilities.

    Args:
        labels: Codes of the classes, of shape (n_rows,).
        scores: Probabilities of class 1, of shape (n_rows,).
        costs: What wrong classes cost.

    Source:
        Elkan 2001, The Foundations of Cost-Sensitive Learning, equation 2.
    """
    import numpy as np

    order = np.argsort(scores, kind="stable")
    sorted_scores, positive = scores[order], labels[order] == 1
    # Below a threshold after the first k rows there are k rows, which class 0 is predicted for.
    missed = np.concatenate([[0], np.cumsum(positive)])
    wrong = (~positive).sum() - np.concatenate([[0], np.cumsum(~positive)])
    cost = costs.false_negative * missed + costs.false_positive * wrong
    edges = np.concatenate([[0.0], (sorted_scores[1:] + sorted_scores[:-1]) / 2, [1.0]])
    # Between equal scores there is no threshold.
    apart = np.concatenate([[True], sorted_scores[1:] > sorted_scores[:-1], [True]])
    cost, edges = cost[apart], edges[apart]
    right = costs.false_positive / (costs.false_positive + costs.false_negative)
    best = edges[np.isclose(cost, cost.min())]
    return float(best[np.argmin(np.abs(best - right))])


def judged(scores: Array, *, metric: str, threshold: float) -> Array:
    """Return scores as a metric judges them: of one that takes classes moved to one half.

    Class 1 is predicted above one half then, where it is predicted above the threshold.

    Args:
        scores: Of shape (n_rows,), or (n_rows, n_classes).
        metric: Name of the metric.
        threshold: Score above which class 1 is predicted.
    """
    takes_classes = METRICS[metric].takes == "classes"
    return at_half(scores, threshold) if takes_classes and scores.ndim == 1 else scores


def at_half(scores: Array, threshold: float) -> Array:
    """Return scores of two classes as 0 or 1 by a threshold; as they are where it is one half."""
    if threshold == HALF:
        return scores
    classes: Array = (scores > threshold).astype("float64")
    return classes
