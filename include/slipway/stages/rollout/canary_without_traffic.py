"""Decide on a step whose candidate hardly anybody asks, as the spec says; pure."""

from __future__ import annotations

from slipway.records.verdicts import Verdict
from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_errors import least_requests
from slipway.stages.rollout.platform import VersionStats


def lacks_traffic(stats: VersionStats, *, minutes: float, shift: Shift) -> bool:
    """Whether a step ends now for too few requests to decide by.

    With `then: switch` only one without a failure does; others wait until `limit_minutes`.
    """
    rule = shift.without_traffic
    is_due = minutes >= shift.without_traffic_minutes and stats.asked < least_requests(shift)
    return is_due and (rule.then == "abort" or not stats.failed)


def go_on_without_traffic(
    undecided: Verdict, stats: VersionStats, *, minutes: float, shift: Shift, max_p99_ms: float
) -> str | None:
    """Why a step that is not decided may go on without the requests that it needs, or None.

    Args:
        undecided: Verdict on its requests.
        stats: Its requests.
        minutes: Time that it waited for them.
        shift: Rules of the spec.
        max_p99_ms: Latency allowed, in milliseconds.
    """
    is_slow = stats.p99_ms is not None and stats.p99_ms > max_p99_ms
    if shift.without_traffic.then != "switch" or is_slow:
        return None
    if not lacks_traffic(stats, minutes=minutes, shift=shift):
        return None
    waited = f"After {minutes:.3g} minutes without them"
    return f"{undecided.reason} {waited} it goes on, as `shift.without_traffic` says."
