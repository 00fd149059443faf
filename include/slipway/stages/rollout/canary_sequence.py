"""Sequential tests of error rates that hold at every look; pure functions of counts.

Each test returns evidence: the logarithm of an e-process. Where its hypothesis is wrong, the chance
that the evidence ever exceeds log(1 / a) is at most a, however often it is looked at (Ville's
inequality). It depends on the counts alone, so a look needs no memory of earlier looks.

Sources: I. Waudby-Smith and A. Ramdas, "Estimating means of bounded random variables by betting",
Journal of the Royal Statistical Society B 86 (2024), 1-27; L. Wasserman, A. Ramdas and
S. Balakrishnan, "Universal inference", PNAS 117 (2020), 16880-16890.
"""

from __future__ import annotations

import math
from collections.abc import Callable

from slipway.stages.rollout.platform import VersionStats

# Rates are averaged by a Beta(1, prior / limit): below a limit around an eighth of it, above it
# around three times it, and of the other version around the limit. Other values would cost
# requests, not validity.
PRIOR_BELOW, PRIOR_ABOVE, PRIOR_BESIDE = 8.0, 1 / 3, 1.0
BISECTIONS = 25


def evidence_below(counts: VersionStats, limit: float) -> float:
    """Evidence that an error rate is below a limit, against all rates from the limit upwards."""
    prior = PRIOR_BELOW / limit
    mass = _log_share(1, prior, limit, is_below=True)
    return _log_average(counts, prior, limit, is_below=True) - mass - _log_likelihood(counts, limit)


def evidence_above(counts: VersionStats, limit: float) -> float:
    """Evidence that an error rate is above a limit, against all rates up to the limit."""
    prior = PRIOR_ABOVE / limit
    mass = _log_share(1, prior, limit, is_below=False)
    average = _log_average(counts, prior, limit, is_below=False)
    return average - mass - _log_likelihood(counts, limit)


def evidence_beside(
    counts: VersionStats, beside: VersionStats, *, margin: float, limit: float
) -> tuple[float, float]:
    """Evidence that an error rate is above another version's plus a margin, and that it is below.

    The likelihood averaged over the rates of both, divided by the largest likelihood of rates that
    differ by just the margin (universal inference); none for the side without the observed rates.

    Args:
        counts: Requests of the version.
        beside: Requests of the other version in the same minutes.
        margin: Allowed difference, below 1.
        limit: An error rate typical of both, for the average.
    """
    evidence = _log_average(counts, PRIOR_ABOVE / limit)
    evidence += _log_average(beside, PRIOR_BESIDE / limit)
    evidence -= _largest_at_margin(counts, beside, margin)
    is_above = _rate(counts) - _rate(beside) > margin
    return (evidence, -math.inf) if is_above else (-math.inf, evidence)


def error_rate_bounds(counts: VersionStats, error_probability: float) -> tuple[float, float]:
    """Bounds of an error rate, lower and upper, that hold at every look.

    Args:
        counts: Requests.
        error_probability: Chance that the true rate is ever above the upper bound, and likewise
            that it is ever below the lower one.
    """
    enough, rate, low, high = -math.log(error_probability), _rate(counts), 0.0, 1.0
    if counts.failed:
        low = _last(lambda limit: evidence_above(counts, limit) >= enough, rate, 0.0)
    if counts.failed < counts.asked:
        high = _last(lambda limit: evidence_below(counts, limit) >= enough, rate, 1.0)
    return low, high


def requests_needed(limit: float, error_probability: float) -> int:
    """Least number of requests without an error that show an error rate below a limit."""
    enough, needed = -math.log(error_probability), 1
    while evidence_below(VersionStats(needed), limit) < enough:
        needed *= 2
    low = needed // 2
    while needed - low > 1:
        middle = (low + needed) // 2
        is_enough = evidence_below(VersionStats(middle), limit) >= enough
        low, needed = (low, middle) if is_enough else (middle, needed)
    return needed


def _rate(counts: VersionStats) -> float:
    return counts.failed / counts.asked if counts.asked else 0.0


def _log_likelihood(counts: VersionStats, rate: float) -> float:
    from scipy.special import xlog1py, xlogy

    answered = counts.asked - counts.failed
    return float(xlogy(counts.failed, rate) + xlog1py(answered, -rate))


def _log_average(
    counts: VersionStats, prior: float, limit: float = 1.0, *, is_below: bool = True
) -> float:
    """Log of the likelihood averaged over the rates on one side of a limit, by Beta(1, prior)."""
    from scipy.special import betaln

    a, b = counts.failed + 1, counts.asked - counts.failed + prior
    return float(betaln(a, b) - betaln(1, prior)) + _log_share(a, b, limit, is_below=is_below)


def _log_share(a: float, b: float, limit: float, *, is_below: bool) -> float:
    """Log of the share of a Beta(a, b) on one side of a limit."""
    from scipy.special import betainc, betaincc

    share = float(betainc(a, b, limit) if is_below else betaincc(a, b, limit))
    return math.log(share) if share > 0 else -math.inf


def _largest_at_margin(counts: VersionStats, beside: VersionStats, margin: float) -> float:
    """Largest log-likelihood of two rates of which the first is higher by a margin."""

    def rises(rate: float) -> bool:
        return _slope(counts, rate + margin) + _slope(beside, rate) > 0

    rate = _last(lambda one: not rises(one), 0.0, 1 - margin)
    return _log_likelihood(counts, rate + margin) + _log_likelihood(beside, rate)


def _slope(counts: VersionStats, rate: float) -> float:
    """Slope of the log-likelihood at a rate between 0 and 1."""
    return counts.failed / rate - (counts.asked - counts.failed) / (1 - rate)


def _last(is_beyond: Callable[[float], bool], inner: float, outer: float) -> float:
    """Bisect for the point nearest to `inner` that is beyond; `outer` where none is."""
    for _ in range(BISECTIONS):
        middle = (inner + outer) / 2
        if is_beyond(middle):
            outer = middle
        else:
            inner = middle
    return outer
