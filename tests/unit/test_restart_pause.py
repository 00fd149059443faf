"""Pauses before an ended process of the local stack starts again."""

from __future__ import annotations

from itertools import pairwise

import pytest

from slipway.local.restart_pause import (
    FIRST_SECONDS,
    LONGEST_SECONDS,
    QUIET_SECONDS,
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
