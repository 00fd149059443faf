"""One request through the front door: to whom it falls, who stands in, what the client is told.

A request is tried elsewhere when a server cannot be connected to, breaks off, or fails (5xx). All
attempts bear one request id, by which the prediction log counts them once, should a server have
logged its answer before it broke off. A request whose answer does not come in time is not tried
elsewhere: its client hears 504, and may repeat it under the same id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from http import HTTPStatus

from slipway.serving.http.server import VERSION
from slipway.serving.platform.metrics import PlatformMetrics
from slipway.serving.platform.proxy.request_stats import RequestStats
from slipway.serving.platform.proxy.upstream import Reply
from slipway.serving.platform.supervisor.server_process import ServerProcess
from slipway.serving.platform.traffic import Traffic, pause

ANSWER_SECONDS = 60.0
WAIT_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.5
VERSION_HEADER = VERSION.encode()


@dataclass(frozen=True, slots=True)
class ProxiedRequest:
    """A request, as servers get it.

    Attributes:
        method: `GET` or `POST`.
        target: Path and query.
        headers: Those about the request itself, its id among them.
        body: Its body.
        version: The only version that may answer; None: by weight.
        key: Requests with the same key fall to the same version.
        is_inference: Whether it asks the model, and so counts in the tally of its version.
    """

    method: str
    target: str
    headers: list[tuple[bytes, bytes]]
    body: bytes
    version: int | None
    key: str
    is_inference: bool


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of one round of attempts: the reply, and which version gave it."""

    reply: Reply | None
    version: int | None = None


class Forwarder:
    """Requests to the servers, each until somebody answers.

    Args:
        metrics: Counts attempts by version.
        answer_seconds: How long a server may take to answer.
        wait_seconds: How long a request waits for a server to come back.
    """

    def __init__(
        self,
        metrics: PlatformMetrics,
        *,
        answer_seconds: float = ANSWER_SECONDS,
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self._metrics = metrics
        self._answer_seconds = answer_seconds
        self._wait_seconds = wait_seconds

    async def forward(self, traffic: Traffic, asked: ProxiedRequest) -> Reply:
        """The answer of a server, or why there is none."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._wait_seconds
        first, count = (None, None) if asked.version is not None else traffic.draw(asked.key)
        while True:
            if why := _unavailable(traffic, asked.version):
                return why
            change = traffic.changes()
            outcome = await self._try_each(traffic, asked, first=first)
            if count is not None and asked.is_inference:
                _count(count, outcome, first=first)
                count = None
            if outcome.reply is not None:
                return outcome.reply
            remaining = deadline - clock()
            if remaining <= 0:
                return error_reply(503, f"no server of {traffic.model} is ready; ask again")
            await pause(change, at_most_seconds=min(remaining, LOOK_AGAIN_SECONDS))

    async def _try_each(
        self, traffic: Traffic, asked: ProxiedRequest, *, first: int | None
    ) -> _Outcome:
        tried: set[int] = set()
        outcome = _Outcome(None)
        while server := _next(traffic, asked, first=first, tried=tried):
            tried.add(server.version)
            reply = await self._ask(server, asked)
            if reply is None:
                continue
            outcome = _Outcome(_with_version_header(reply, server.version), server.version)
            if not _failed(reply.status) or reply.status == HTTPStatus.GATEWAY_TIMEOUT:
                break
        return outcome

    async def _ask(self, server: ServerProcess, asked: ProxiedRequest) -> Reply | None:
        try:
            reply = await server.ask(
                asked.method,
                asked.target,
                headers=asked.headers,
                body=asked.body,
                timeout_seconds=self._answer_seconds,
            )
        except TimeoutError:
            reply = error_reply(504, "the model did not answer in time")
        if asked.is_inference:
            is_failed = reply is None or _failed(reply.status)
            self._metrics.count(server.model, server.version, is_failed=is_failed)
        return reply


def error_reply(status: int, message: str) -> Reply:
    """A V2 error of the platform's own."""
    body = json.dumps({"error": message}).encode()
    return Reply(status, [(b"content-type", b"application/json")], body, 0.0)


def _unavailable(traffic: Traffic, version: int | None) -> Reply | None:
    if version is not None:
        if version in traffic.servers:
            return None
        return error_reply(404, "that version is not running here")
    if traffic.weights:
        return None
    return error_reply(503, f"no version of {traffic.model} is in service: none has a share")


def _next(
    traffic: Traffic, asked: ProxiedRequest, *, first: int | None, tried: Collection[int]
) -> ServerProcess | None:
    return traffic.next_server(version=asked.version, first=first, tried=tried)


def _count(count: RequestStats, outcome: _Outcome, *, first: int | None) -> None:
    reply = outcome.reply
    if reply is None or outcome.version != first or _failed(reply.status):
        count.fail()
    else:
        count.answer(reply.seconds if reply.status < HTTPStatus.BAD_REQUEST else None)


def _failed(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _with_version_header(reply: Reply, version: int) -> Reply:
    if any(name == VERSION_HEADER for name, _ in reply.headers):
        return reply
    return replace(reply, headers=[*reply.headers, (VERSION_HEADER, b"%d" % version)])
