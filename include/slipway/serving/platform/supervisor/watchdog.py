"""Tell a process that hangs from one that is busy with a long request.

One call of a model or of a parser can hold the interpreter, so that no thread of the server can
answer a probe; its processor time still grows. A process that waits for what never comes has none.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

SILENCES_UNTIL_HUNG = 5
"""Silent probes in a row without progress after which a process hangs."""

PROGRESS = 0.05
"""Processor time between two probes, as a share of the time, that is progress."""

BUSY_SECONDS = 60.0
"""Longest silence of a busy process: the reverse proxy waits no longer for an answer."""

PROC = Path("/proc")
USER_TIME, SYSTEM_TIME = 11, 12
"""Fields behind the name of a process in its `stat`."""


def cpu_seconds(pid: int) -> float | None:
    """Return the processor time of a process; None where the system does not tell.

    Source: proc_pid_stat(5).
    """
    try:
        # A name may hold spaces and parentheses.
        fields = (PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return (int(fields[USER_TIME]) + int(fields[SYSTEM_TIME])) / os.sysconf("SC_CLK_TCK")


class Watchdog:
    """Judges one process by its answers to probes, and by its processor time while it is silent.

    Args:
        pid: Id of the process.
        cpu: Returns its processor time; without it, silence alone is judged.
        clock: Seconds.
    """

    def __init__(
        self,
        pid: int,
        *,
        cpu: Callable[[int], float | None] = cpu_seconds,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._pid = pid
        self._cpu = cpu
        self._clock = clock
        self._idle = 0
        self._heard_at = self._looked_at = clock()
        self._spent = cpu(pid)

    def is_hung(self, *, is_silent: bool) -> bool:
        """Take note of a probe; return whether the process hangs.

        Args:
            is_silent: Whether the probe was not answered.
        """
        if not is_silent:
            self._reset()
            return False
        now, spent = self._clock(), self._cpu(self._pid)
        progressed = (
            spent is not None
            and self._spent is not None
            and spent - self._spent > PROGRESS * (now - self._looked_at)
        )
        self._idle = 0 if progressed else self._idle + 1
        self._looked_at, self._spent = now, spent
        return self._idle >= SILENCES_UNTIL_HUNG or now - self._heard_at > BUSY_SECONDS

    def _reset(self) -> None:
        self._idle = 0
        self._heard_at = self._looked_at = self._clock()
        self._spent = self._cpu(self._pid)
