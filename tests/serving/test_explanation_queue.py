"""The queue of explanations: few at a time, apart from plain requests, within a deadline."""

from __future__ import annotations

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest
from starlette.types import Message

from slipway.serving.http.headers import EXPLAINED
from slipway.serving.model_server.explanation_queue import (
    MOST_ASKED,
    ExplanationQueue,
    ExplanationsBusy,
)
from slipway.serving.model_server.http_status import status_of
from slipway.serving.model_server.infer_endpoint import Inference
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.requests import Answer, Explainable
from slipway.serving.server_options import Options
from slipway.serving.v2.protocol import Encoded
from tests.serving.extras_env import MemoryLog, asked, load, save, spec_of
from tests.serving.model_versions import MODEL, flights

SCORED: Any = object()
"""A scored request, which the queue only passes on."""


def test_beyond_four_at_a_time_requests_are_refused_at_once() -> None:
    """They do not wait, and the refusal is no failure of the version."""
    release, running = threading.Event(), threading.Semaphore(0)

    def explain(scored: Explainable, *, until: float) -> Answer:
        assert scored is SCORED
        running.release()
        assert release.wait(60)
        return Encoded(str(until).encode())

    async def ask() -> list[Answer]:
        queue = ExplanationQueue(explain, seconds=5.0, clock=lambda: 10.0)
        waiting = [asyncio.create_task(queue.ask(SCORED)) for _ in range(MOST_ASKED)]
        await asyncio.to_thread(running.acquire)
        assert not running.acquire(blocking=False)
        refused = await queue.ask(SCORED)
        release.set()
        answered = await asyncio.gather(*waiting)
        again = await queue.ask(SCORED)
        queue.close()
        return [refused, *answered, again]

    refused, *answered = asyncio.run(ask())
    assert isinstance(refused, ExplanationsBusy)
    assert status_of(refused) == 429
    assert "at most 4" in str(refused)
    assert answered == [Encoded(b"15.0")] * (MOST_ASKED + 1)


async def _replies(inference: Inference, *bodies: bytes) -> list[list[Message]]:
    """Replies to requests that are sent at once."""

    async def one(body: bytes) -> list[Message]:
        sent: list[Message] = []

        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Message) -> None:
            sent.append(message)

        scope = {"type": "http", "headers": [], "path": f"/v2/models/{MODEL}/infer", "state": {}}
        await inference(scope, receive, send)
        return sent

    return await asyncio.gather(*map(one, bodies))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A version that explains its answers."""
    return save(tmp_path_factory.mktemp("queue") / "version", spec_of(outlier_scores=False))


def test_an_explained_answer_is_marked_and_counts_in_no_latency(folder: Path) -> None:
    """A rollout reads the p99 of a version from the histogram, and the proxy leaves it out."""
    metrics = Metrics(MODEL, 1)
    inference = Inference(1, version_path="/v", options=Options(), metrics=metrics)
    inference.begin(load(folder, MemoryLog()))
    plain = asked(flights(1)).body
    explained = asked(flights(1), parameters={"explain": True}).body
    replies = asyncio.run(_replies(inference, plain, explained))
    inference.close()
    marks = [dict(start["headers"]).get(EXPLAINED.encode()) for start, _ in replies]
    assert marks == [None, b"true"]
    assert [start["status"] for start, _ in replies] == [200, 200]
    text = metrics.exposition().decode()
    labels = 'asked="model",model="delay",status="200",version="1"'
    assert f"slipway_requests_total{{{labels}}} 2.0" in text
    assert f"slipway_request_seconds_count{{{labels}}} 1.0" in text
