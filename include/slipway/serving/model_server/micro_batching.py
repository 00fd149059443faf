"""Micro-batching: score all waiting requests in one batch as soon as the model is free.

A request never waits for others to fill a batch. Requests queue while the model is busy; scoring
them as one frame costs a pipeline hardly more than scoring a single row.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from slipway.errors import Transient
from slipway.serving.model_server.requests import Outcome, PredictRequest

BATCH_BYTES = 1 << 20
"""Limit on the bodies of one batch, which bounds how long a request waits for others."""
WAITING_BYTES = 256 << 20
"""Limit on the bodies of all waiting requests."""

Waiting = tuple[PredictRequest, asyncio.Future[Outcome]]


class QueueFull(Transient):
    """Too many requests wait for the model; a retry can help."""


class RequestQueue:
    """Queue of requests for one worker thread.

    Args:
        answer: Answers a batch of requests; runs in the thread.
        max_waiting: Limit on waiting requests.
    """

    def __init__(
        self, answer: Callable[[Sequence[PredictRequest]], list[Outcome]], *, max_waiting: int
    ) -> None:
        self._answer = answer
        self._max_waiting = max_waiting
        self._waiting: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self._is_busy = False
        # One thread: a model uses one core.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    async def ask(self, request: PredictRequest) -> Outcome:
        """Queue a request and return its answer.

        Raises:
            QueueFull: Too many requests or bytes are waiting.
        """
        waiting_bytes = self._waiting_bytes + len(request.body)
        if len(self._waiting) >= self._max_waiting or waiting_bytes > WAITING_BYTES:
            raise QueueFull("too many requests are waiting for the model", hint="retry later")
        future: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self._waiting.append((request, future))
        self._waiting_bytes = waiting_bytes
        self._start()
        return await future

    def close(self) -> None:
        """Wait for the current batch, and stop the thread."""
        self._worker.shutdown(wait=True)

    def _start(self) -> None:
        if self._is_busy or not self._waiting:
            return
        self._is_busy = True
        batch = self._next()
        requests = [request for request, _ in batch]
        work = asyncio.get_running_loop().run_in_executor(self._worker, self._answer, requests)
        work.add_done_callback(lambda done: self._deliver(batch, done))

    def _next(self) -> list[Waiting]:
        batch: list[Waiting] = []
        size = 0
        while self._waiting:
            size += len(self._waiting[0][0].body)
            if batch and size > BATCH_BYTES:
                break
            batch.append(self._waiting.popleft())
            self._waiting_bytes -= len(batch[-1][0].body)
        return batch

    def _deliver(self, batch: Sequence[Waiting], done: asyncio.Future[list[Outcome]]) -> None:
        self._is_busy = False
        self._start()
        error = done.exception()
        if error is not None:
            for _, future in batch:
                if not future.done():
                    future.set_exception(error)
            return
        for (_, future), answer in zip(batch, done.result(), strict=True):
            if not future.done():
                future.set_result(answer)
