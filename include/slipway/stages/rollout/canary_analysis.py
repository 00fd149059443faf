"""Analyse a canary once: shifted, aborted or inconclusive; pure."""

from __future__ import annotations

import math
from collections.abc import Callable

from slipway.records.verdicts import Number, Verdict
from slipway.spec.deployment import Shift
from slipway.stages.rollout.platform import VersionStats

SHIFTED, ABORTED, INCONCLUSIVE = "shifted", "aborted", "inconclusive"
BISECTIONS = 60
ROUNDING = 1e-9


def analyse_canary(stats: VersionStats, *, step: int, shift: Shift, max_p99_ms: float) -> Verdict:
    """Decide whether a candidate may take more than its present share of the traffic; pure.

    `shifted` when the upper bound of its error rate is low enough; `aborted` when even the lower
    bound is too high, or when it is slow; `inconclusive` otherwise and with too few requests. The
    bounds are one-sided Clopper-Pearson bounds at the step's part of `error_probability`, and
    there is one analysis per step, so a wrong verdict on the error rate has at most that
    probability over all steps together. Without any error `Shift.requests_needed` requests
    suffice: 183 for an error rate of 2 % and an error probability of 5 % over two steps.

    Args:
        stats: Requests of the candidate since the step's weights came into force.
        step: Its share, in percent.
        shift: Rules of the spec.
        max_p99_ms: Latency allowed, in milliseconds.

    Source: C. J. Clopper and E. S. Pearson, Biometrika 26 (1934), 404-413.
    """
    numbers: dict[str, Number] = {"step": step, **vars(stats)}
    so_far = f"At {step} % it was asked {stats.asked} times"
    if stats.asked < shift.requests:
        reason = f"{so_far}, and {shift.requests} are needed for a verdict."
        return Verdict(INCONCLUSIVE, reason, numbers)
    low, high = error_rate_bounds(stats.failed, stats.asked, shift.step_error_probability())
    numbers |= {"error_rate_low": low, "error_rate_high": high}
    allowed = shift.max_error_rate
    so_far += f" and failed {stats.failed} times"
    if low > allowed:
        reason = f"{so_far}: at least {low:.2%} errors, and {allowed:.2%} are allowed."
        return Verdict(ABORTED, reason, numbers)
    if stats.p99_ms is not None and stats.p99_ms > max_p99_ms:
        reason = f"{so_far}; its p99 is {stats.p99_ms:.0f} ms ({max_p99_ms:.0f} are allowed)."
        return Verdict(ABORTED, reason, numbers)
    if high > allowed * (1 + ROUNDING):
        reason = f"{so_far}: up to {high:.2%} errors are possible, and {allowed:.2%} are allowed."
        return Verdict(INCONCLUSIVE, reason, numbers)
    if stats.p99_ms is None:
        return Verdict(INCONCLUSIVE, f"{so_far}; its latency is not known.", numbers)
    reason = f"{so_far}: at most {high:.2%} errors, p99 {stats.p99_ms:.0f} ms."
    return Verdict(SHIFTED, reason, numbers)


def error_rate_bounds(failed: int, asked: int, error_probability: float) -> tuple[float, float]:
    """One-sided Clopper-Pearson bounds of an error rate, lower and upper; pure.

    Args:
        failed: Failed requests.
        asked: Requests, at least one.
        error_probability: Probability that the true rate lies above the upper bound, and
            likewise that it lies below the lower one.
    """
    low, high = 0.0, 1.0
    if failed > 0:
        # At the lower bound this many failures or more have exactly the error probability.
        low = _bisect(lambda rate: 1 - _binomial_cdf(failed - 1, asked, rate) < error_probability)
    if failed < asked:
        high = _bisect(lambda rate: _binomial_cdf(failed, asked, rate) > error_probability)
    return low, high


def _bisect(holds: Callable[[float], bool]) -> float:
    """The rate at which a condition, true of small rates and false of large ones, turns."""
    low, high = 0.0, 1.0
    for _ in range(BISECTIONS):
        middle = (low + high) / 2
        low, high = (middle, high) if holds(middle) else (low, middle)
    return (low + high) / 2


def _binomial_cdf(failed: int, asked: int, rate: float) -> float:
    """Probability of at most `failed` failures among `asked` requests."""
    if rate in (0.0, 1.0):
        return 1.0 if rate == 0.0 or failed >= asked else 0.0
    log_fail, log_answer = math.log(rate), math.log1p(-rate)
    whole = math.lgamma(asked + 1)
    terms = (
        whole
        - math.lgamma(count + 1)
        - math.lgamma(asked - count + 1)
        + count * log_fail
        + (asked - count) * log_answer
        for count in range(failed + 1)
    )
    return min(1.0, math.fsum(map(math.exp, terms)))
