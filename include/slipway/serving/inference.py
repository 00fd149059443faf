"""The endpoint of infer requests: plain ASGI, since each layer would cost what a small model does.

A small request to a quick model is answered on the event loop, without a thread in between.
"""

from __future__ import annotations

import logging
import time
import traceback
from collections.abc import Mapping
from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import Receive, Scope, Send

from slipway.errors import BadRequest, SlipwayError, Transient
from slipway.serving.answering import Asked, LoadedModel, in_one_line
from slipway.serving.batching import Queue
from slipway.serving.connection import LATE
from slipway.serving.metrics import Metrics
from slipway.serving.options import Options
from slipway.serving.protocol import Encoded
from slipway.serving.refusals import Malformed, Mismatch, TooLarge
from slipway.serving.web import REQUEST_ID, VERSION, UnknownEncoding, problem, receive_body

INLINE_BYTES = 16 << 10
"""A larger body goes to the thread: the event loop answers health meanwhile."""
INLINE_SECONDS = 0.002
"""So does every request to a model that takes longer for one row."""
JSON_BYTES = b"inference-header-content-length"
MOST_DIGITS = 18
LOADING = "the model is being loaded"
GONE = 499
"""What is counted when the client leaves before its request is read; nginx counts so, too."""

STATUS_OF: tuple[tuple[type[SlipwayError], int], ...] = (
    (Malformed, HTTPStatus.BAD_REQUEST),
    (Mismatch, HTTPStatus.UNPROCESSABLE_ENTITY),
    (TooLarge, HTTPStatus.REQUEST_ENTITY_TOO_LARGE),
    (UnknownEncoding, HTTPStatus.UNSUPPORTED_MEDIA_TYPE),
    (BadRequest, HTTPStatus.BAD_REQUEST),
    (Transient, HTTPStatus.SERVICE_UNAVAILABLE),
)

logger = logging.getLogger(__name__)


class NotReady(Transient):
    """There is no model to ask, or not yet."""


class Inference:
    """Answers infer requests, once there is a model.

    Attributes:
        loaded: The model, once there is one.
        problem: Why there is none; None once there is.

    Args:
        version: The version served.
        options: How large a request may be, and how many may wait.
        metrics: Where requests are counted.
    """

    def __init__(self, version: int, *, options: Options, metrics: Metrics) -> None:
        self.problem: str | None = LOADING
        self._version = (VERSION.encode(), str(version).encode())
        self._options = options
        self._metrics = metrics
        self.loaded: LoadedModel | None = None
        self._queue: Queue | None = None
        self._inline_bytes = 0

    def begin(self, loaded: LoadedModel) -> None:
        """Answer with a model from now on."""
        self.loaded = loaded
        self._queue = Queue(loaded.answer, max_waiting=self._options.max_waiting)
        self.problem = None
        is_quick = loaded.engine.name == "onnx" and loaded.row_seconds <= INLINE_SECONDS
        # A disk that has to be waited for would hold up everybody.
        self._inline_bytes = INLINE_BYTES if is_quick and not self._options.fsync else 0

    def close(self) -> None:
        """Let what was begun finish, and hand the log over."""
        if self._queue is not None and self.loaded is not None:
            self._queue.close()
            self.loaded.log.close()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        headers = dict(scope["headers"])
        began = time.perf_counter()
        try:
            body = await receive_body(receive, headers, self._options.max_body_bytes)
            began = time.perf_counter()
            encoded = await self._answer(body, headers)
        except ClientDisconnect:
            is_late = scope["state"].get(LATE, False)
            status = HTTPStatus.REQUEST_TIMEOUT if is_late else GONE
        except SlipwayError as error:
            status = status_of(error)
            wait = {"retry-after": "1"} if isinstance(error, Transient) else None
            await problem(status, in_one_line(error), headers=wait)(scope, receive, send)
        except Exception as error:  # noqa: BLE001 - its text may hold values, its place does not
            place = "".join(traceback.format_tb(error.__traceback__))
            logger.error("answering raised %s\n%s", type(error).__name__, place)  # noqa: TRY400
            status = HTTPStatus.INTERNAL_SERVER_ERROR
            await problem(status, "the request could not be answered")(scope, receive, send)
        else:
            status = HTTPStatus.OK
            await self._send(encoded, send)
        self._metrics.count(status, time.perf_counter() - began)

    async def _answer(self, body: bytes, headers: Mapping[bytes, bytes]) -> Encoded:
        if self.loaded is None or self._queue is None:
            raise NotReady(self.problem or LOADING)
        request_id = headers.get(REQUEST_ID.encode())
        asked = Asked(
            body,
            time.time_ns() // 1000,
            None if request_id is None else request_id.decode("latin-1"),
            _json_bytes(headers.get(JSON_BYTES)),
        )
        if len(body) <= self._inline_bytes:
            [answer] = self.loaded.answer([asked])
        else:
            answer = await self._queue.ask(asked)
        if isinstance(answer, SlipwayError):
            raise answer
        return answer

    async def _send(self, encoded: Encoded, send: Send) -> None:
        headers = [(b"content-length", b"%d" % len(encoded.body)), self._version]
        if encoded.json_bytes is None:
            headers.append((b"content-type", b"application/json"))
        else:
            headers.append((b"content-type", b"application/octet-stream"))
            headers.append((JSON_BYTES, b"%d" % encoded.json_bytes))
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": encoded.body})


def status_of(error: SlipwayError) -> int:
    """The HTTP status that an error is told with."""
    return next((status for kind, status in STATUS_OF if isinstance(error, kind)), 500)


def _json_bytes(header: bytes | None) -> int | None:
    if header is None:
        return None
    if not header.isdigit() or len(header) > MOST_DIGITS:
        raise Malformed(
            "the header Inference-Header-Content-Length is wrong",
            expected="the number of JSON bytes at the head of the body",
        )
    return int(header)
