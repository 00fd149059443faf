"""Decide how long an ended process waits before its next start."""

from __future__ import annotations

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0
QUIET_SECONDS = 60.0


def next_pause_seconds(last: float | None, *, ran_seconds: float) -> float:
    """Return the pause before a start: twice the last one, short again after a quiet time.

    Args:
        last: Pause before the start that has now ended; None at the first end.
        ran_seconds: How long the process ran.
    """
    if last is None or ran_seconds >= QUIET_SECONDS:
        return FIRST_SECONDS
    return min(2 * last, LONGEST_SECONDS)
