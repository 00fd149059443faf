"""A process that hangs is told from one that is busy."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time

from slipway.serving.platform.supervisor.watchdog import Watchdog, cpu_seconds

PROBE_SECONDS = 2.5
# One call holds the interpreter, so that no other thread of the process runs.
BUSY = "while True: sum(range(10**9))"


def silences_until_hung(spent_of_second: float | None, *, most: int = 100) -> int:
    """Silent probes until a process hangs that uses so much processor time each second."""
    now = 0.0

    def spent(_pid: int) -> float | None:
        return None if spent_of_second is None else spent_of_second * now

    watchdog = Watchdog(1, cpu=spent, clock=lambda: now)
    for number in range(1, most):
        now += PROBE_SECONDS
        if watchdog.is_hung(is_silent=True):
            return number
    return most


def test_silence_without_progress_is_hanging() -> None:
    """Five probes are enough, also where the system tells no processor time."""
    assert silences_until_hung(0.0) == 5
    assert silences_until_hung(0.01) == 5
    assert silences_until_hung(None) == 5


def test_a_busy_process_has_as_long_as_a_request() -> None:
    """A minute, after which the reverse proxy has given its requests up."""
    assert silences_until_hung(0.2) == 25
    assert silences_until_hung(1.0) == 25


def test_an_answer_begins_anew() -> None:
    """Silences count in a row."""
    watchdog = Watchdog(1, cpu=lambda _: 0.0, clock=lambda: 0.0)
    for is_silent in (True, True, True, True, False, True, True, True, True):
        assert not watchdog.is_hung(is_silent=is_silent)
    assert watchdog.is_hung(is_silent=True)


def test_processor_time_is_read_from_the_system() -> None:
    """It grows while a process computes, and stands still while it is stopped."""
    with subprocess.Popen([sys.executable, "-c", BUSY]) as process:
        try:
            watchdog = Watchdog(process.pid)
            time.sleep(0.3)
            assert not watchdog.is_hung(is_silent=True)
            deadline = time.monotonic() + 30
            while (cpu_seconds(process.pid) or 0.0) < 0.1 and time.monotonic() < deadline:
                time.sleep(0.05)
            os.kill(process.pid, signal.SIGSTOP)
            time.sleep(0.1)
            stopped = cpu_seconds(process.pid)
            assert stopped is not None
            assert stopped >= 0.1
            time.sleep(0.2)
            assert cpu_seconds(process.pid) == stopped
        finally:
            process.kill()
    assert cpu_seconds(process.pid) is None
