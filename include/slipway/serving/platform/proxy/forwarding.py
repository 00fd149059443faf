"""Forward a request to the server of the picked version, and fail over to other versions.

A request fails over if the server cannot be reached, or responds with 5xx while the model's retry
budget lasts. All attempts carry the same request id, so the prediction log counts them once even if
a failed server logged its response.
A request that times out does not fail over, nor does one during which its server ended the
connection: it may be what ended the server, and would end the next one too. The client gets 504 or
502, and may retry with the same id.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Collection
from dataclasses import dataclass, replace
from http import HTTPStatus

from slipway.serving.http.headers import EXPLAINED, VERSION
from slipway.serving.http.upstream import BrokenOff, Reply
from slipway.serving.platform.proxy.metrics import PlatformMetrics
from slipway.serving.platform.proxy.request_stats import RequestStats
from slipway.serving.platform.proxy.retry_budget import RetryBudget
from slipway.serving.platform.proxy.traffic import Traffic, pause
from slipway.serving.platform.supervisor.server_process import ServerProcess

ANSWER_SECONDS = 60.0
WAIT_SECONDS = 60.0
LOOK_AGAIN_SECONDS = 0.5
VERSION_HEADER = VERSION.encode()
EXPLAINED_HEADER = EXPLAINED.encode()
LAST = frozenset({HTTPStatus.BAD_GATEWAY, HTTPStatus.GATEWAY_TIMEOUT})
"""The platform's own answers for a request that a server has received, and may work on."""


@dataclass(frozen=True, slots=True)
class ProxiedRequest:
    """A request to forward.

    Attributes:
        method: `GET` or `POST`.
        target: Path and query.
        headers: End-to-end headers, including the request id.
        body: Its body.
        version: The only version that may answer; None: by weight.
        key: Requests with the same key get the same version.
        is_inference: Whether it is an infer request, which counts in the version's statistics.
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
    """Result of one round of attempts: the reply, and the version that gave it."""

    reply: Reply | None
    version: int | None = None


class Forwarder:
    """Forwards requests to servers until one answers.

    Args:
        metrics: Counts attempts by version.
        answer_seconds: Timeout of one attempt.
        wait_seconds: How long a request waits for a server to become ready.
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
        self._budgets: dict[str, RetryBudget] = {}

    async def forward(self, traffic: Traffic, request: ProxiedRequest) -> Reply:
        """Reply of a server, or an error reply."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._wait_seconds
        if traffic.model not in self._budgets:
            self._budgets[traffic.model] = RetryBudget(clock)
        self._budgets[traffic.model].deposit()
        first, count = (None, None) if request.version is not None else traffic.pick(request.key)
        while True:
            if unavailable := _unavailable(traffic, request.version):
                return unavailable
            change = traffic.changes()
            outcome = await self._try_each(traffic, request, first=first)
            if count is not None and request.is_inference:
                _count(count, outcome, first=first)
                count = None
            if outcome.reply is not None:
                return outcome.reply
            remaining = deadline - clock()
            if remaining <= 0:
                return error_reply(503, f"no server of {traffic.model} is ready; retry later")
            await pause(change, at_most_seconds=min(remaining, LOOK_AGAIN_SECONDS))

    async def _try_each(
        self, traffic: Traffic, request: ProxiedRequest, *, first: int | None
    ) -> _Outcome:
        tried: set[int] = set()
        outcome = _Outcome(None)
        while server := _next(traffic, request, first=first, tried=tried):
            if outcome.reply is not None and not self._budgets[traffic.model].withdraw():
                break
            tried.add(server.version)
            reply = await self._ask(server, request)
            if reply is None:
                continue
            outcome = _Outcome(_with_version_header(reply, server.version), server.version)
            if not _failed(reply.status) or reply.status in LAST:
                break
        return outcome

    async def _ask(self, server: ServerProcess, request: ProxiedRequest) -> Reply | None:
        try:
            reply = await server.ask(
                request.method,
                request.target,
                headers=request.headers,
                body=request.body,
                timeout_seconds=self._answer_seconds,
            )
        except TimeoutError:
            reply = error_reply(504, "the model did not answer in time")
        except BrokenOff:
            text = "the model's server ended during this request; retry with the same id"
            reply = error_reply(502, text) if request.body else None
        if request.is_inference:
            is_failed = reply is None or _failed(reply.status)
            self._metrics.count(server.model, server.version, is_failed=is_failed)
        return reply


def error_reply(status: int, message: str) -> Reply:
    """V2 error reply of the platform itself."""
    body = json.dumps({"error": message}).encode()
    return Reply(status, [(b"content-type", b"application/json")], body, 0.0)


def _unavailable(traffic: Traffic, version: int | None) -> Reply | None:
    if version is not None:
        if version in traffic.servers:
            return None
        return error_reply(404, "that version is not running here")
    if traffic.weights:
        return None
    return error_reply(503, f"no version of {traffic.model} has a share of the traffic")


def _next(
    traffic: Traffic, request: ProxiedRequest, *, first: int | None, tried: Collection[int]
) -> ServerProcess | None:
    return traffic.next_server(version=request.version, first=first, tried=tried)


def _count(count: RequestStats, outcome: _Outcome, *, first: int | None) -> None:
    reply = outcome.reply
    if reply is None or outcome.version != first or _failed(reply.status):
        count.fail()
    else:
        is_answer = reply.status < HTTPStatus.BAD_REQUEST and not _is_explained(reply)
        count.answer(reply.seconds if is_answer else None)


def _is_explained(reply: Reply) -> bool:
    """Whether a reply took longer than its scores, for their explanation."""
    return any(name == EXPLAINED_HEADER for name, _ in reply.headers)


def _failed(status: int) -> bool:
    return status >= HTTPStatus.INTERNAL_SERVER_ERROR


def _with_version_header(reply: Reply, version: int) -> Reply:
    if any(name == VERSION_HEADER for name, _ in reply.headers):
        return reply
    return replace(reply, headers=[*reply.headers, (VERSION_HEADER, b"%d" % version)])
