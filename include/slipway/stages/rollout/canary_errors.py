"""Compare a candidate's error rate with the spec's limit and with the champion's; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass

from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_sequence import (
    error_rate_bounds,
    evidence_above,
    evidence_below,
    evidence_beside,
    requests_needed,
)
from slipway.stages.rollout.platform import VersionStats

LIMIT_WEIGHT = 0.9
"""Weight of `max_error_rate` in the evidence for passing; the comparison with the champion has the
rest, since it decides only where the champion fails too."""


@dataclass(frozen=True)
class ErrorComparison:
    """What the requests so far show of a candidate's error rate.

    Attributes:
        is_above: Whether it is shown to be above both limits.
        is_below: Whether it is shown to be below one of them.
    """

    is_above: bool
    is_below: bool


def compare_errors(
    stats: VersionStats, champion: VersionStats | None, *, shift: Shift
) -> ErrorComparison:
    """Compare a candidate's error rate with what is allowed.

    Allowed is `max_error_rate`, or the champion's rate of the same minutes plus `error_increase`
    where that is more. Either mistake has at most the step's part of `error_probability`, over
    any number of looks at counts that start once.
    """
    limit, enough = shift.max_error_rate, -math.log(shift.step_error_probability)
    worse, better = math.inf, -math.inf
    above = evidence_above(stats, limit)
    if champion is not None and champion.asked and (above >= enough or is_beside(champion, shift)):
        margin = shift.error_increase
        worse, better = evidence_beside(stats, champion, margin=margin, limit=limit)
    if min(above, worse) >= enough:
        return ErrorComparison(is_above=True, is_below=False)
    below = _log_mean(evidence_below(stats, limit), better)
    return ErrorComparison(is_above=False, is_below=below >= enough)


def is_beside(champion: VersionStats, shift: Shift) -> bool:
    """Whether the champion fails so often that more than `max_error_rate` is allowed beside it."""
    rate = champion.failed / champion.asked if champion.asked else 0.0
    return rate + shift.error_increase > shift.max_error_rate


def shown_bounds(stats: VersionStats, shift: Shift) -> tuple[float, float]:
    """Bounds of a candidate's error rate, lower and upper, as `compare_errors` uses them."""
    return error_rate_bounds(stats, shift.step_error_probability * LIMIT_WEIGHT)


def least_requests(shift: Shift) -> int:
    """Requests that a candidate without an error needs to pass a step."""
    alpha = shift.step_error_probability * LIMIT_WEIGHT
    return max(shift.requests, requests_needed(shift.max_error_rate, alpha))


def _log_mean(first: float, second: float) -> float:
    """Log of the mean of two e-values by their logs, the first with `LIMIT_WEIGHT`."""
    weighted = (first + math.log(LIMIT_WEIGHT), second + math.log(1 - LIMIT_WEIGHT))
    largest = max(weighted)
    if math.isinf(largest):
        return largest
    return largest + math.log(sum(math.exp(one - largest) for one in weighted))
