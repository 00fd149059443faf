"""ASGI endpoint of infer requests.

Small requests to a fast model are answered in the event loop, all others in a thread.
"""

from __future__ import annotations

import asyncio
import json
import logging
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus

import msgspec
from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from slipway.errors import SlipwayError, Transient
from slipway.serving.http.body_limit import receive_body
from slipway.serving.http.connection import REFUSED
from slipway.serving.http.headers import EXPLAINED, REQUEST_ID, VERSION
from slipway.serving.model_server.explanation_queue import ExplanationQueue
from slipway.serving.model_server.http_status import status_of
from slipway.serving.model_server.loaded_model import LoadedModel
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.model_server.micro_batching import RequestQueue
from slipway.serving.model_server.requests import Answer, Explainable, Later, PredictRequest
from slipway.serving.server_options import Options
from slipway.serving.v2.errors import Malformed, in_one_line

INLINE_BYTES = 16 << 10
"""Larger bodies go to the thread, so that the event loop still answers health checks."""
INLINE_SECONDS = 0.002
"""All requests go to the thread if the model takes longer for one row."""
REQUEST_ID_HEADER = REQUEST_ID.encode()
JSON_BYTES = b"inference-header-content-length"
MOST_DIGITS = 18
LOADING = "the model is being loaded"
GONE = 499
"""Status counted for a client that disconnects before its request is read, as in nginx."""

logger = logging.getLogger(__name__)


class NotReady(Transient):
    """The model is not loaded, or not yet."""


class _Reply(msgspec.Struct, frozen=True):
    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes
    is_explained: bool = False


class Inference:
    """Answers infer requests once the model is loaded.

    Attributes:
        loaded: The model, once loaded.
        problem: Why the model is not loaded, or None.

    Args:
        version: The version served.
        version_path: Path of infer requests to this version.
        options: Limits on the body and on waiting requests.
        metrics: Counts requests.
    """

    def __init__(
        self,
        version: int,
        *,
        version_path: str,
        options: Options,
        metrics: Metrics,
    ) -> None:
        self.problem: str | None = LOADING
        self._version_path = version_path
        self._version = (VERSION.encode(), str(version).encode())
        self._options = options
        self._metrics = metrics
        self.loaded: LoadedModel | None = None
        self._queue: RequestQueue | None = None
        self._explanations: ExplanationQueue | None = None
        self._inline_bytes = 0

    def begin(self, loaded: LoadedModel) -> None:
        """Start answering with a model."""
        self.loaded = loaded
        self._queue = RequestQueue(loaded.answer, max_waiting=self._options.max_waiting)
        self._explanations = ExplanationQueue(loaded.explain, seconds=self._options.explain_seconds)
        self.problem = None
        is_quick = loaded.engine.name == "onnx" and loaded.row_seconds <= INLINE_SECONDS
        # Waiting for a sync to the disk would block the event loop.
        if is_quick and not self._options.fsync:
            self._inline_bytes = INLINE_BYTES

    def close(self) -> None:
        """Finish requests in progress, and release the log to the shipper."""
        if self._queue and self._explanations and self.loaded:
            self._queue.close()
            self._explanations.close()
            self.loaded.log.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        is_pinned = scope["path"] == self._version_path
        began = time.perf_counter()
        counting: list[Callable[[], None]] = []
        try:
            body = await receive_body(receive, headers, self._options.max_body_bytes)
            began = time.perf_counter()
            answer = await self._answer(body, headers, later=counting.append)
        except ClientDisconnect:
            status = scope["state"].get(REFUSED, GONE)
            self._metrics.count(status, 0.0, is_pinned=is_pinned)
            return
        except SlipwayError as error:
            answer = error
        except Exception as error:  # noqa: BLE001
            answer = _unexpected(error)
        reply = _reply(answer, self._version)
        seconds = None if reply.is_explained else time.perf_counter() - began

        def count() -> None:
            self._metrics.count(reply.status, seconds, is_pinned=is_pinned)
            for work in counting:
                work()

        try:
            await send(
                {"type": "http.response.start", "status": reply.status, "headers": reply.headers}
            )
            await send({"type": "http.response.body", "body": reply.body})
        finally:
            # Behind the write to the socket, so that no client waits for its counters.
            asyncio.get_running_loop().call_soon(count)

    async def _answer(self, body: bytes, headers: Mapping[bytes, bytes], *, later: Later) -> Answer:
        if self.loaded is None or self._queue is None or self._explanations is None:
            raise NotReady(self.problem or LOADING)
        request = _predict_request(body, headers)
        if len(body) > self._inline_bytes:
            outcome = await self._queue.ask(request)
        else:
            outcome = self.loaded.answer_one(request, later=later)
        if isinstance(outcome, Explainable):
            return await self._explanations.ask(outcome)
        return outcome


def _reply(answer: Answer, version: tuple[bytes, bytes]) -> _Reply:
    if isinstance(answer, SlipwayError):
        return _error_reply(answer)
    headers = [(b"content-length", b"%d" % len(answer.body)), version]
    if answer.json_bytes is None:
        headers.append((b"content-type", b"application/json"))
    else:
        headers.append((b"content-type", b"application/octet-stream"))
        headers.append((JSON_BYTES, b"%d" % answer.json_bytes))
    if answer.explained:
        headers.append((EXPLAINED.encode(), b"true"))
    return _Reply(HTTPStatus.OK, headers, answer.body, is_explained=answer.explained)


def _predict_request(body: bytes, headers: Mapping[bytes, bytes]) -> PredictRequest:
    request_id = headers.get(REQUEST_ID_HEADER)
    return PredictRequest(
        body,
        time.time_ns() // 1000,
        None if request_id is None else request_id.decode("latin-1"),
        _json_bytes(headers.get(JSON_BYTES)),
    )


def _error_reply(error: SlipwayError) -> _Reply:
    body = json.dumps({"error": in_one_line(error)}).encode()
    headers = [(b"content-length", b"%d" % len(body)), (b"content-type", b"application/json")]
    if isinstance(error, Transient):
        headers.append((b"retry-after", b"1"))
    return _Reply(status_of(error), headers, body)


def _unexpected(error: Exception) -> SlipwayError:
    # The message may contain values, the traceback does not.
    place = "".join(traceback.format_tb(error.__traceback__))
    logger.error("answering a request raised %s\n%s", type(error).__name__, place)
    return SlipwayError("the request could not be answered", found=type(error).__name__)


def _json_bytes(header: bytes | None) -> int | None:
    if header is None:
        return None
    if not header.isdigit() or len(header) > MOST_DIGITS:
        raise Malformed(
            "the header Inference-Header-Content-Length is invalid",
            expected="the length of the JSON part in bytes",
        )
    return int(header)
