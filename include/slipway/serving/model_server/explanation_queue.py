"""Explain requests one at a time, in a thread of their own, so that others do not wait for them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Protocol

from slipway.errors import Transient
from slipway.serving.model_server.requests import Answer, Explainable

MOST_ASKED = 4
"""Requests that are explained or wait for it; the deadline covers the wait too."""

Clock = Callable[[], float]


class ExplanationsBusy(Transient):
    """Too many explanations are wanted at once; a retry can help."""


class Explain(Protocol):
    """Explains a scored request, and answers it."""

    def __call__(self, scored: Explainable, *, until: float) -> Answer:
        """Answer a request with its explanation, or return why there is none."""


class ExplanationQueue:
    """Queue of requests that are explained.

    Args:
        explain: Explains a request; runs in the thread.
        seconds: Time for a request from its scores to its explanation.
        clock: Seconds.
    """

    def __init__(self, explain: Explain, *, seconds: float, clock: Clock = time.monotonic) -> None:
        self._explain = explain
        self._seconds = seconds
        self._clock = clock
        self._asked = 0
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="explain")

    async def ask(self, scored: Explainable) -> Answer:
        """Answer a scored request with its explanation, or return why there is none."""
        if self._asked >= MOST_ASKED:
            return ExplanationsBusy(
                "too many requests wait for their explanation",
                expected=f"at most {MOST_ASKED} at a time",
                hint="retry later, or ask for the scores without `explain`",
            )
        until = self._clock() + self._seconds
        work = partial(self._explain, scored, until=until)
        self._asked += 1
        try:
            future = asyncio.get_running_loop().run_in_executor(self._worker, work)
        except RuntimeError:
            self._asked -= 1
            raise
        future.add_done_callback(self._done)
        return await asyncio.shield(future)

    def close(self) -> None:
        """Wait for the explanations in progress, and stop the thread."""
        self._worker.shutdown(wait=True)

    def _done(self, _future: asyncio.Future[Answer]) -> None:
        self._asked -= 1
