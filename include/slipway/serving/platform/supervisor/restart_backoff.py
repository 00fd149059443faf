"""Backoff between restarts of a process: pauses double, and reset after a steady run."""

from __future__ import annotations

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0


class RestartBackoff:
    """The pauses before the restarts of one process."""

    def __init__(self) -> None:
        self._next_seconds = FIRST_PAUSE_SECONDS

    def pause_seconds(self, *, ran_seconds: float) -> float:
        """Pause before the next start, given how long the process ran."""
        if ran_seconds > STEADY_SECONDS:
            self._next_seconds = FIRST_PAUSE_SECONDS
        pause_seconds = self._next_seconds
        self._next_seconds = min(pause_seconds * 2, LONGEST_PAUSE_SECONDS)
        return pause_seconds
