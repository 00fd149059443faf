"""Analyse a canary once: shifted, aborted or inconclusive; pure."""

from __future__ import annotations

from slipway.records.verdicts import Number, Verdict
from slipway.spec.deployment import Shift
from slipway.stages.rollout.platform import VersionStats

SHIFTED, ABORTED, INCONCLUSIVE = "shifted", "aborted", "inconclusive"
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
    from scipy.special import betaincinv

    low = betaincinv(failed, asked - failed + 1, error_probability) if failed else 0.0
    high = betaincinv(failed + 1, asked - failed, 1 - error_probability) if failed < asked else 1.0
    return float(low), float(high)
