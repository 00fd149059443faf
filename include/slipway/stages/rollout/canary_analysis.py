"""Analyse a canary at one look: shifted, aborted or inconclusive; pure."""

from __future__ import annotations

from slipway.records.verdicts import Number, Verdict
from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_errors import (
    ErrorComparison,
    compare_errors,
    is_beside,
    least_requests,
    shown_bounds,
)
from slipway.stages.rollout.platform import VersionStats

SHIFTED, ABORTED, INCONCLUSIVE = "shifted", "aborted", "inconclusive"
ROUNDING = 1e-6


def analyse_canary(
    stats: VersionStats,
    *,
    champion: VersionStats | None = None,
    step: int,
    shift: Shift,
    max_p99_ms: float,
) -> Verdict:
    """Decide whether a candidate may take more than its present share of the traffic; pure.

    `shifted` when its error rate is shown to be at most what is allowed (`compare_errors`), after
    `requests` requests at the least; `aborted` when it is shown to be higher, at any time, or when
    it could pass but is slow; `inconclusive` otherwise. A step may look each second, since the
    tests hold over all looks; latency is judged once, when the error rate would pass.

    Args:
        stats: Requests of the candidate since the step's weights came into force.
        champion: Requests of the champion since then; None: there is none.
        step: The candidate's share, in percent.
        shift: Rules of the spec.
        max_p99_ms: Latency allowed, in milliseconds.
    """
    numbers: dict[str, Number] = {"step": step, **vars(stats)}
    so_far = f"At {step} % it was asked {_times(stats.asked)}"
    if champion is not None:
        numbers |= {"champion.asked": champion.asked, "champion.failed": champion.failed}
    if not stats.asked:
        return Verdict(INCONCLUSIVE, f"{so_far}, {_needed(shift)}.", numbers)
    so_far += f" and failed {_times(stats.failed)}"
    if champion is not None:
        so_far += f" (the champion {champion.failed} of {champion.asked})"
    compared, bounds = compare_errors(stats, champion, shift=shift), shown_bounds(stats, shift)
    numbers |= dict(zip(("error_rate_low", "error_rate_high"), bounds, strict=True))
    action, found = _judge_errors(compared, bounds, stats, champion, shift)
    if action == SHIFTED:
        action, latency = _judge_latency(stats, max_p99_ms)
        found += latency
    return Verdict(action, f"{so_far}{found}.", numbers)


def is_decided(stats: VersionStats, champion: VersionStats | None, *, shift: Shift) -> bool:
    """Whether an analysis now would be more than inconclusive."""
    compared = compare_errors(stats, champion, shift=shift)
    can_pass = stats.asked >= shift.requests and stats.p99_ms is not None
    return compared.is_above or (compared.is_below and can_pass)


def _judge_errors(
    compared: ErrorComparison,
    bounds: tuple[float, float],
    stats: VersionStats,
    champion: VersionStats | None,
    shift: Shift,
) -> tuple[str, str]:
    """Decide from the error rate alone; the action, and its reason."""
    low, high = bounds
    allowed = _allowed(shift, champion)
    if compared.is_above:
        return ABORTED, f": at least {low:.2%} errors, and {allowed}"
    if compared.is_below and stats.asked >= shift.requests:
        is_more = high > shift.max_error_rate * (1 + ROUNDING)
        return SHIFTED, f": at most {high:.2%} errors{f', and {allowed}' if is_more else ''}"
    if stats.asked < least_requests(shift):
        return INCONCLUSIVE, f", {_needed(shift)}"
    return INCONCLUSIVE, f": {low:.2%} to {high:.2%} errors are possible, and {allowed}"


def _judge_latency(stats: VersionStats, max_p99_ms: float) -> tuple[str, str]:
    """Decide from the latency of a candidate whose error rate may pass."""
    if stats.p99_ms is None:
        return INCONCLUSIVE, "; its latency is not known"
    if stats.p99_ms > max_p99_ms:
        return ABORTED, f"; its p99 is {stats.p99_ms:.0f} ms ({max_p99_ms:.0f} are allowed)"
    return SHIFTED, f", p99 {stats.p99_ms:.0f} ms"


def _times(number: int) -> str:
    return "1 time" if number == 1 else f"{number} times"


def _needed(shift: Shift) -> str:
    return f"and {least_requests(shift)} are needed for a verdict, or more after an error"


def _allowed(shift: Shift, champion: VersionStats | None) -> str:
    """What is allowed, in words."""
    if champion is None or not is_beside(champion, shift):
        return f"{shift.max_error_rate:.2%} are allowed"
    beside = champion.failed / champion.asked + shift.error_increase
    return f"{beside:.2%} are allowed beside the champion"
