"""Decide how long an ended process waits before its next start."""

from __future__ import annotations

import signal

FIRST_SECONDS = 1.0
LONGEST_SECONDS = 60.0
QUIET_SECONDS = 60.0
STARTED_SECONDS = 5.0
"""A process that ran so long had begun its work: a kill then is no failed start."""

SENT = frozenset({signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP})
"""Signals that end a process from outside; others are a fault of its own."""


def next_pause_seconds(
    last: float | None, *, ran_seconds: float, exit_code: int | None = None
) -> float:
    """Return the pause before a start: twice the last one, short again after a quiet time.

    It counts failures of the process alone: after a signal from outside it is short, too, unless
    the process was still starting, as one whose memory does not suffice.

    Args:
        last: Pause before the start that has now ended; None at the first end.
        ran_seconds: How long the process ran.
        exit_code: Its exit code; a negative number is a signal; None: not known.
    """
    was_sent = exit_code is not None and -exit_code in SENT and ran_seconds >= STARTED_SECONDS
    if last is None or was_sent or ran_seconds >= QUIET_SECONDS:
        return FIRST_SECONDS
    return min(2 * last, LONGEST_SECONDS)
