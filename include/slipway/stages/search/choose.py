"""Choose among the trials of a search; pure."""

from __future__ import annotations

from collections.abc import Sequence

from slipway.stages.search.trials import Trial


def best_of(trials: Sequence[Trial], *, greater_is_better: bool) -> Trial:
    """Return the complete trial with the best mean; of equal ones the first.

    Args:
        trials: Trials, of which at least one is complete.
        greater_is_better: Direction of the metric.
    """
    sign = 1.0 if greater_is_better else -1.0
    complete = [one for one in trials if one.state == "complete"]
    return max(complete, key=lambda one: (sign * one.mean, -one.number))


def one_error_bound(best: Trial, *, greater_is_better: bool) -> float:
    """Return the best trial's mean, one standard error towards the worse."""
    return best.mean - best.error if greater_is_better else best.mean + best.error


def simplest_within_one_error(trials: Sequence[Trial], *, greater_is_better: bool) -> Trial:
    """Return the simplest complete trial whose mean is within one standard error of the best.

    Source: Hastie, Tibshirani and Friedman, The Elements of Statistical Learning, 2nd edition,
    section 7.10.1: "choose the most parsimonious model whose error is no more than one standard
    error above the error of the best model".

    Args:
        trials: Trials, the simplest first, of which at least one is complete.
        greater_is_better: Direction of the metric.
    """
    best = best_of(trials, greater_is_better=greater_is_better)
    bound = one_error_bound(best, greater_is_better=greater_is_better)
    sign = 1.0 if greater_is_better else -1.0
    within = (one for one in trials if one.state == "complete" and sign * one.mean >= sign * bound)
    return next(within)
