"""Micro-batching of waiting requests, without a server."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator, Sequence

import pytest

from slipway.serving.model_server import micro_batching
from slipway.serving.model_server.micro_batching import BATCH_BYTES, QueueFull, RequestQueue
from slipway.serving.model_server.requests import Answer, ModelFailed, PredictRequest
from slipway.serving.v2.protocol import Encoded


def predict_request(number: int, *, size: int = 0) -> PredictRequest:
    """A request whose number is in its body."""
    return PredictRequest(str(number).encode() + b" " * size, 0)


class Slow:
    """A model that answers with the body once it is released, and records its batches.

    Attributes:
        batches: Numbers of the requests in each batch.
    """

    def __init__(self) -> None:
        self.batches: list[list[int]] = []
        self.may_answer = threading.Event()

    def __call__(self, together: Sequence[PredictRequest]) -> list[Answer]:
        """The bodies; raises for 13."""
        self.batches.append([int(one.body) for one in together])
        assert self.may_answer.wait(30)
        if 13 in self.batches[-1]:
            raise MemoryError
        return [Encoded(one.body) for one in together]


@pytest.fixture
def slow() -> Iterator[Slow]:
    """A model that waits for its release."""
    model = Slow()
    yield model
    model.may_answer.set()


async def begun(queue: RequestQueue, *requests: PredictRequest) -> list[asyncio.Task[Answer]]:
    """Requests sent so far."""
    tasks = [asyncio.create_task(queue.ask(one)) for one in requests]
    await asyncio.sleep(0)
    return tasks


def test_what_waits_when_the_model_is_free_is_answered_at_once(slow: Slow) -> None:
    """The first request does not wait; those that arrive meanwhile are one batch, in order."""

    async def scene() -> list[Answer]:
        queue = RequestQueue(slow, max_waiting=10)
        tasks = await begun(queue, *(predict_request(number) for number in range(5)))
        slow.may_answer.set()
        return await asyncio.gather(*tasks)

    answers = asyncio.run(scene())
    assert slow.batches == [[0], [1, 2, 3, 4]]
    assert answers == [Encoded(str(number).encode()) for number in range(5)]


def test_no_request_waits_for_much_company(slow: Slow) -> None:
    """A batch has a limit of rows, so large requests are scored in turn."""

    async def scene() -> None:
        queue = RequestQueue(slow, max_waiting=10)
        half = BATCH_BYTES // 2
        tasks = await begun(queue, *(predict_request(number, size=half) for number in range(4)))
        slow.may_answer.set()
        await asyncio.gather(*tasks)

    asyncio.run(scene())
    assert slow.batches == [[0], [1], [2], [3]]


def test_more_than_may_wait_are_turned_away(slow: Slow) -> None:
    """A full queue refuses with 503; a later retry is answered."""

    async def scene() -> list[Answer | BaseException]:
        queue = RequestQueue(slow, max_waiting=2)
        tasks = await begun(queue, *(predict_request(number) for number in range(5)))
        slow.may_answer.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(scene())
    assert [isinstance(answer, QueueFull) for answer in answers] == [
        False,
        False,
        False,
        True,
        True,
    ]


def test_few_large_requests_fill_the_queue(slow: Slow, monkeypatch: pytest.MonkeyPatch) -> None:
    """The bytes of waiting requests are limited too, and are released afterwards."""
    monkeypatch.setattr(micro_batching, "WAITING_BYTES", 1000)

    async def scene() -> list[Answer | BaseException]:
        queue = RequestQueue(slow, max_waiting=10)
        tasks = await begun(queue, *(predict_request(number, size=400) for number in range(4)))
        slow.may_answer.set()
        early = await asyncio.gather(*tasks, return_exceptions=True)
        return [*early, await queue.ask(predict_request(4, size=900))]

    answers = asyncio.run(scene())
    assert [isinstance(answer, QueueFull) for answer in answers] == [
        False,
        False,
        False,
        True,
        False,
    ]


def test_a_batch_that_cannot_be_answered_leaves_the_model_free(slow: Slow) -> None:
    """Its requests get the error; later ones are answered."""

    async def scene() -> list[Answer | BaseException]:
        queue = RequestQueue(slow, max_waiting=10)
        first = await begun(queue, predict_request(13))
        rest = await begun(queue, predict_request(1), predict_request(2))
        slow.may_answer.set()
        return await asyncio.gather(*first, *rest, return_exceptions=True)

    unlucky, *others = asyncio.run(scene())
    assert isinstance(unlucky, MemoryError)
    assert others == [Encoded(b"1"), Encoded(b"2")]


def test_a_cancelled_request_is_left_out(slow: Slow) -> None:
    """A request that is cancelled while it waits affects no other."""

    async def scene() -> list[Answer | BaseException]:
        queue = RequestQueue(slow, max_waiting=10)
        tasks = await begun(queue, *(predict_request(number) for number in range(3)))
        tasks[1].cancel()
        slow.may_answer.set()
        return await asyncio.gather(*tasks, return_exceptions=True)

    answers = asyncio.run(scene())
    assert answers[::2] == [Encoded(b"0"), Encoded(b"2")]
    assert isinstance(answers[1], asyncio.CancelledError)


def test_an_error_is_an_answer_to_one_request() -> None:
    """Each request gets its own result or error."""

    def answer(together: Sequence[PredictRequest]) -> list[Answer]:
        return [
            ModelFailed("the model failed") if one.body == b"1" else Encoded(one.body)
            for one in together
        ]

    async def scene() -> list[Answer]:
        queue = RequestQueue(answer, max_waiting=10)
        return await asyncio.gather(*(queue.ask(predict_request(number)) for number in range(3)))

    first, second, third = asyncio.run(scene())
    assert (first, third) == (Encoded(b"0"), Encoded(b"2"))
    assert isinstance(second, ModelFailed)
