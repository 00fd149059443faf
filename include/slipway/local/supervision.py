"""Start a process of the local stack again when it has ended, and say so in one line."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from slipway.local.processes import Processes, StartedProcess
from slipway.local.restart_pause import next_pause_seconds

LOOK_SECONDS = 0.5


class Supervision:
    """Watches the processes of one state folder and starts each again that has ended.

    It never gives up; a process that keeps ending starts at longer and longer intervals.

    Args:
        processes: The processes, started by this process.
        say: Prints one line.
    """

    def __init__(self, processes: Processes, *, say: Callable[[str], None]) -> None:
        self._processes = processes
        self._say = say
        self._pauses: dict[str, float] = {}
        self._starts_at: dict[str, float] = {}
        self._ended = threading.Event()

    @contextmanager
    def running(self) -> Iterator[None]:
        """Watch in a thread until the end of the block."""
        thread = threading.Thread(target=self._watch, name="supervision", daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._ended.set()
            thread.join()

    def look(self) -> None:
        """Announce each process that has ended since the last look; start those that are due."""
        self._processes.reap()
        for one in self._processes.known():
            if one.wanted and not one.alive():
                if one.name not in self._starts_at:
                    self._announce(one)
                elif time.monotonic() >= self._starts_at[one.name]:
                    self._start(one)

    def _watch(self) -> None:
        while not self._ended.wait(LOOK_SECONDS):
            self.look()

    def _announce(self, one: StartedProcess) -> None:
        code = self._processes.exit_code(one)
        pause = self._plan(one, ran_seconds=time.time() - one.created, exit_code=code)
        self._say(
            f"{one.name} {describe_exit(code)}; starts again in {pause:.0f} s; log: {one.log}"
        )
        # What it has left would hold its port, or work beside the next one.
        self._processes.end_what_is_left_of(one)

    def _start(self, one: StartedProcess) -> None:
        try:
            self._processes.start_again(one)
        except OSError as error:
            pause = self._plan(one, ran_seconds=0.0)
            self._say(
                f"{one.name} could not be started ({error.strerror}); "
                f"next try in {pause:.0f} s; log: {one.log}"
            )
        else:
            del self._starts_at[one.name]

    def _plan(
        self, one: StartedProcess, *, ran_seconds: float, exit_code: int | None = None
    ) -> float:
        last = self._pauses.get(one.name)
        pause = next_pause_seconds(last, ran_seconds=ran_seconds, exit_code=exit_code)
        self._pauses[one.name] = pause
        self._starts_at[one.name] = time.monotonic() + pause
        return pause


def describe_exit(code: int | None) -> str:
    """Return how a process ended, as the second half of a sentence.

    Args:
        code: Exit code; a negative number is a signal; None if it is not known.
    """
    if code is None:
        return "has ended"
    if code >= 0:
        return f"ended with exit status {code}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
