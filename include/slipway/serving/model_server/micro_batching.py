"""Requests that wait for the model: whatever waits when it is free is answered at once.

Nothing waits for company. While the model is busy requests gather; when it is free, all of them
are one frame, which costs a pipeline hardly more than a single row does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

from slipway.errors import Transient
from slipway.serving.model_server.predictor import Answer, PredictRequest

BATCH_BYTES = 1 << 20
"""Bodies of at most so many bytes are answered together, so that none waits long for others."""
WAITING_BYTES = 256 << 20
"""Bodies of more bytes do not wait, however few they are."""

Waiting = tuple[PredictRequest, asyncio.Future[Answer]]


class QueueFull(Transient):
    """Too many requests wait for the model; later there may be fewer."""


class RequestQueue:
    """The requests that wait for one thread that answers them.

    Args:
        answer: Answers some requests; runs in that thread.
        max_waiting: More requests are turned away.
    """

    def __init__(
        self, answer: Callable[[Sequence[PredictRequest]], list[Answer]], *, max_waiting: int
    ) -> None:
        self._answer = answer
        self._max_waiting = max_waiting
        self._waiting: deque[Waiting] = deque()
        self._waiting_bytes = 0
        self._is_busy = False
        # One thread: a model computes on one core.
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="model")

    async def ask(self, asked: PredictRequest) -> Answer:
        """The answer to a request, as soon as the model is free.

        Raises:
            Busy: Too many are waiting.
        """
        waiting_bytes = self._waiting_bytes + len(asked.body)
        if len(self._waiting) >= self._max_waiting or waiting_bytes > WAITING_BYTES:
            raise QueueFull("too many requests are waiting for the model", hint="ask again later")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._waiting.append((asked, future))
        self._waiting_bytes = waiting_bytes
        self._start()
        return await future

    def close(self) -> None:
        """Let what was begun finish."""
        self._worker.shutdown(wait=True)

    def _start(self) -> None:
        if self._is_busy or not self._waiting:
            return
        self._is_busy = True
        batch = self._next()
        asked = [one for one, _ in batch]
        work = asyncio.get_running_loop().run_in_executor(self._worker, self._answer, asked)
        work.add_done_callback(lambda done: self._give(batch, done))

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

    def _give(self, batch: Sequence[Waiting], done: asyncio.Future[list[Answer]]) -> None:
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
