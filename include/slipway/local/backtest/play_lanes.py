"""Play the policies of a backtest, several at a time, each where it was stopped."""

from __future__ import annotations

import logging
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import dataclass
from multiprocessing.connection import Connection

from slipway.errors import OutOfMemory
from slipway.local.backtest.lane import Lane, LaneProgress
from slipway.local.backtest.lane_container import LaneFolders
from slipway.local.backtest.lane_results import results_of
from slipway.local.backtest.played_log import AskedRows
from slipway.local.backtest.timeline import Timeline
from slipway.spec import DatasetSpec
from slipway.stages.backtest.policies import Policy
from slipway.stages.backtest.results import PlayedPolicy
from slipway.stages.model.provenance import CodeState

LOOK_SECONDS = 0.5


@dataclass(frozen=True)
class LaneJob:
    """A policy to be played; it can be sent to another process.

    Attributes:
        policy: Policy.
        dataset: Dataset of its model.
        folders: Folders of its lane.
        timeline: History.
        most_rows: Most rows of a period that are predicted; None: all.
        code: State of the code.
    """

    policy: Policy
    dataset: DatasetSpec
    folders: LaneFolders
    timeline: Timeline
    most_rows: int | None
    code: CodeState

    def rows(self) -> AskedRows:
        """Return the rows of each period."""
        return AskedRows(self.timeline, self.dataset, most=self.most_rows)

    def play(self, tell: Callable[[int], None]) -> PlayedPolicy:
        """Play it to its end; return what it leaves."""
        lane = Lane(
            self.policy, self.dataset, folders=self.folders, rows=self.rows(), code=self.code
        )
        lane.play(tell)
        return results_of(lane)

    def steps_done(self) -> int:
        """Return how many steps it has played, here or in another process."""
        return LaneProgress.read(self.folders.own).next_step


def play_lanes(
    jobs: Sequence[LaneJob], *, parallel: int, tell: Callable[[str], None]
) -> list[PlayedPolicy]:
    """Play policies; return what each leaves, in their order.

    Args:
        jobs: Policies.
        parallel: So many at a time, each in a process of its own.
        tell: Called with how far they are.

    Raises:
        OutOfMemory: A process was ended from outside.
        SlipwayError: A stage failed.
    """
    shown = _Shown(jobs, tell)
    if parallel == 1 or len(jobs) == 1:
        return [job.play(lambda _: shown.tell()) for job in jobs]
    context = multiprocessing.get_context("spawn")
    # Its writing end is this process's alone: the others see when it is closed, however this ends.
    watched, alive = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        min(parallel, len(jobs)), mp_context=context, initializer=_prepare, initargs=(watched,)
    )
    try:
        with _interrupts_blocked():
            playing = [pool.submit(_play, job) for job in jobs]
        _wait_for(playing, shown)
        return [one.result() for one in playing]
    except BrokenProcessPool as error:
        raise OutOfMemory(
            "a process that plays a policy was ended from outside",
            expected=f"memory for {parallel} policies at a time, each with the rows of a training",
            where="--jobs",
            hint="give fewer `--jobs`; the same command goes on where each policy was stopped",
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        alive.close()
        watched.close()


@contextmanager
def _interrupts_blocked() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach: they end with this one, without a traceback."""
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})


def _wait_for(playing: Sequence[Future[PlayedPolicy]], shown: _Shown) -> None:
    """Show how far all are, until all have ended or one has failed."""
    left = set(playing)
    while left:
        done, left = wait(left, timeout=LOOK_SECONDS, return_when=FIRST_COMPLETED)
        if any(one.exception() is not None for one in done):
            return
        shown.tell()


class _Shown:
    """Tells how far all policies are together, and how long the rest takes."""

    def __init__(self, jobs: Sequence[LaneJob], tell: Callable[[str], None]) -> None:
        self._jobs, self._tell = jobs, tell
        self._steps = sum(len(job.timeline.steps) for job in jobs)
        self._before = sum(job.steps_done() for job in jobs)
        self._began = time.monotonic()

    def tell(self) -> None:
        done = sum(job.steps_done() for job in self._jobs)
        new, left = done - self._before, self._steps - done
        text = f"playing {len(self._jobs)} policies: {done} of {self._steps} periods"
        if not left:
            text += ", reading their results"
        elif new:
            seconds = (time.monotonic() - self._began) / new * left
            text += f", about {_spell(seconds)} left"
        self._tell(text)


def _spell(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"  # noqa: PLR2004


def _prepare(watched: Connection) -> None:
    logging.getLogger("great_expectations").setLevel(logging.ERROR)
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()


def _end_with(watched: Connection) -> None:
    """End this process as soon as the one that started it is done with it, or gone."""
    watched.poll(None)
    os._exit(0)


def _play(job: LaneJob) -> PlayedPolicy:
    return job.play(lambda _: None)
