"""Fit trials in several processes of this machine, or of this pod."""

from __future__ import annotations

import multiprocessing
import os
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from dataclasses import replace
from multiprocessing.connection import Connection

from threadpoolctl import threadpool_limits

from slipway.errors import OutOfMemory
from slipway.spec.model import Estimator
from slipway.stages.ports.tuning import FoldScore
from slipway.stages.search.fold_fits import FoldFits


class Processes:
    """Fulfils the `Workers` port.

    Args:
        pool: Processes that have the rows.
    """

    def __init__(self, pool: ProcessPoolExecutor) -> None:
        self._pool = pool

    def submit(self, estimator: Estimator | None, fold: int) -> Future[FoldScore]:
        """Fit an estimator, or a constant, to one fold."""
        return self._pool.submit(_score, estimator, fold)


@contextmanager
def open_processes(fits: FoldFits, count: int) -> Iterator[Processes]:
    """Open processes that fit, each with the rows; they end with the block, or with this process.

    They are started anew instead of forked: a library's threads do not survive a fork.

    Args:
        fits: Fits on folds.
        count: Number of processes.

    Raises:
        OutOfMemory: A process was ended from outside.
    """
    threads = max(1, len(os.sched_getaffinity(0)) // 2 // count)
    context = multiprocessing.get_context("spawn")
    # Its writing end is this process's alone: the others see when it is closed, however this ends.
    watched, alive = context.Pipe(duplex=False)
    pool = ProcessPoolExecutor(
        count,
        mp_context=context,
        initializer=_prepare,
        initargs=(replace(fits, threads=threads), threads, watched),
    )
    try:
        yield Processes(pool)
    except BrokenProcessPool as error:
        raise OutOfMemory(
            "a process that fits trials was ended from outside",
            expected=f"memory for {count} fits at a time, each with its rows",
            where="search.parallel in model.yaml",
            hint="lower `search.parallel`, or give training more memory; a retry goes on after the "
            "trials that have ended",
        ) from error
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        alive.close()
        watched.close()


_HERE: dict[str, FoldFits] = {}
"""Fits of this process, one of several."""


def _prepare(fits: FoldFits, threads: int, watched: Connection) -> None:
    _HERE["fits"] = fits
    threading.Thread(target=_end_with, args=(watched,), daemon=True).start()
    threadpool_limits(threads)


def _end_with(watched: Connection) -> None:
    """End this process as soon as the one that started it is done with it, or gone."""
    watched.poll(None)
    os._exit(0)


def _score(estimator: Estimator | None, fold: int) -> FoldScore:
    return _HERE["fits"].score(estimator, fold)
