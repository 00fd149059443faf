"""Pauses before an ended process of the local stack starts again."""

from __future__ import annotations

import signal
from itertools import pairwise

import pytest

from slipway.local.restart_pause import (
    FIRST_SECONDS,
    LONGEST_SECONDS,
    QUIET_SECONDS,
    STARTED_SECONDS,
    next_pause_seconds,
)
from slipway.local.supervision import describe_exit


def test_the_first_pause_is_short() -> None:
    """However soon the process ended."""
    assert next_pause_seconds(None, ran_seconds=0.1) == FIRST_SECONDS


def test_pauses_double_up_to_the_longest_and_never_end() -> None:
    """A process that keeps ending is started again for ever."""
    pauses = [FIRST_SECONDS]
    for _ in range(20):
        pauses.append(next_pause_seconds(pauses[-1], ran_seconds=1.0))
    assert all(after == min(2 * before, LONGEST_SECONDS) for before, after in pairwise(pauses))
    assert pauses[-1] == LONGEST_SECONDS


def test_the_pause_is_short_again_after_a_quiet_time() -> None:
    """A process that ran long enough has recovered."""
    assert next_pause_seconds(LONGEST_SECONDS, ran_seconds=QUIET_SECONDS) == FIRST_SECONDS
    assert next_pause_seconds(8.0, ran_seconds=QUIET_SECONDS - 1) == 16.0


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_process_waits_no_longer_each_time(number: signal.Signals) -> None:
    """A signal from outside after its start is no failure of the process."""
    pause = None
    for _ in range(5):
        pause = next_pause_seconds(pause, ran_seconds=STARTED_SECONDS, exit_code=-number)
        assert pause == FIRST_SECONDS


@pytest.mark.parametrize(
    ("code", "ran_seconds"),
    [(-signal.SIGKILL, STARTED_SECONDS - 1), (-signal.SIGSEGV, 20.0), (1, 20.0), (None, 20.0)],
)
def test_a_failed_start_and_a_crash_wait_longer(code: int | None, ran_seconds: float) -> None:
    """Also a kill while it starts, as for want of memory."""
    assert next_pause_seconds(4.0, ran_seconds=ran_seconds, exit_code=code) == 8.0


@pytest.mark.parametrize(
    ("code", "text"),
    [
        (0, "ended with exit status 0"),
        (3, "ended with exit status 3"),
        (-9, "was ended by SIGKILL"),
        (-200, "was ended by signal 200"),
        (None, "has ended"),
    ],
)
def test_how_a_process_ended_is_named(code: int | None, text: str) -> None:
    """Signals by name, exit statuses by number."""
    assert describe_exit(code) == text
