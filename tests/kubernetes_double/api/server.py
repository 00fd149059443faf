"""The HTTP server: what a `KUBECONFIG` points at."""

from __future__ import annotations

import asyncio
import itertools
import json
import logging
import socket
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from tests.kubernetes_double.api.access import Access, User, review
from tests.kubernetes_double.api.admission import ADMISSION, namespace_is_there
from tests.kubernetes_double.api.defaulting import ServiceAddresses, default
from tests.kubernetes_double.api.discovery import document
from tests.kubernetes_double.api.faults import Asked, Fault, Faults
from tests.kubernetes_double.api.limit_ranges import limited
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.api.request import Asking, target_of
from tests.kubernetes_double.api.validation import validate
from tests.kubernetes_double.api.watches import Watches
from tests.kubernetes_double.api.writes import Writing
from tests.kubernetes_double.kubelet import logs

_METHODS = ["GET", "POST", "PUT", "PATCH", "DELETE"]
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_START_SECONDS = 10
_THREAD = "api-double"
_LOG = logging.getLogger(__name__)


class Api:
    """The API of one cluster; it gives the objects their checks, so make it before you write.

    Args:
        objects: Everything there is.
        gateway: Whether the cluster knows the Gateway API.
        address_of_service: Gives each Service its cluster address.
        log_file: Where a container's output is: (namespace, pod, container, previous) -> path.
        bookmark_seconds: How often a watch that wants bookmarks gets one.
        port: Where to listen on the loopback address; 0: where there is room.

    Attributes:
        access: Tokens and rights.
        faults: What goes wrong on demand.
        requests: What was asked: (method, path, account, status), oldest first.
    """

    def __init__(
        self,
        objects: Objects,
        *,
        gateway: bool = False,
        address_of_service: Callable[[], str] | None = None,
        log_file: logs.LogFile | None = None,
        bookmark_seconds: float = 2.0,
        port: int = 0,
    ) -> None:
        self.objects = objects
        self.access = Access(objects)
        self.faults = Faults()
        self.requests: list[Asked] = []
        self._gateway = gateway
        self._log_file = log_file or (lambda *_: None)
        self._watches = Watches(objects, bookmark_seconds=bookmark_seconds)
        self._writing = Writing(objects, self.access)
        self._port = port
        self._running: tuple[uvicorn.Server, threading.Thread] | None = None
        objects.checks[:0] = [
            namespace_is_there,
            default,
            limited,
            ServiceAddresses(address_of_service or _addresses()),
            validate,
            *(check for check in ADMISSION if check is not namespace_is_there),
        ]

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Answer from now on; after a stop, at the same address."""
        listening = socket.create_server(("127.0.0.1", self._port))
        self._port = listening.getsockname()[1]
        app = Starlette(routes=[Route("/{path:path}", self._serve, methods=_METHODS)])
        config = uvicorn.Config(
            app, log_config=None, access_log=False, lifespan="off", timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(
            target=server.run, kwargs={"sockets": [listening]}, name=_THREAD, daemon=True
        )
        # Watches that are cut on purpose are no errors to show; `requests` is the journal.
        for name in ("uvicorn.error", "uvicorn.access"):
            logging.getLogger(name).addFilter(_not_ours)
        thread.start()
        self._running = (server, thread)
        over = time.monotonic() + _START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < over:
            time.sleep(0.01)

    def stop(self) -> None:
        """Answer no longer: connections are refused."""
        if self._running:
            server, thread = self._running
            self._watches.drop()
            server.should_exit = True
            thread.join(timeout=_START_SECONDS)
            self._running = None

    def drop_watches(self) -> int:
        """Cut every open watch; says how many there were."""
        count = len(self._watches)
        self._watches.drop()
        return count

    def fail(self, fault: Fault) -> None:
        """Let requests go wrong."""
        self.faults.add(fault)

    async def _serve(self, request: Request) -> Response:
        account = ""
        try:
            user = self.access.user(request.headers.get("authorization", ""))
            account = user.account
            response = await self._answered(request, user)
        except ApiProblem as problem:
            response = _refusal(problem)
        except Exception as error:  # noqa: BLE001 - a broken double must say so
            _LOG.exception("the double broke on %s %s", request.method, request.url)
            response = _refusal(ApiProblem(500, "InternalError", f"the double broke: {error!r}"))
        self.requests.append(Asked(request.method, request.url.path, account, response.status_code))
        return response

    async def _answered(self, request: Request, user: User) -> Response:
        path = request.url.path
        if path in ("/healthz", "/livez", "/readyz"):
            return PlainTextResponse("ok")
        if path == _REVIEWS and request.method == "POST":
            return _json(review(self.access, user, await request.json()), 201)
        found = document(path, gateway=self._gateway) if request.method == "GET" else None
        if found is not None:
            return _json(found)
        asking = Asking(
            target_of(path, gateway=self._gateway),
            request.method,
            dict(request.query_params),
            user,
            content_type=request.headers.get("content-type", ""),
            agent=request.headers.get("user-agent", ""),
            body=await request.body(),
        )
        return await self._faulty(asking)

    async def _faulty(self, asking: Asking) -> Response:
        target = asking.target
        fault = self.faults.next(asking.verb, target.kind.name, target.name)
        if fault is None:
            return await self._allowed(asking)
        if fault.after:
            await self._allowed(asking)
        await asyncio.sleep(fault.hang_seconds)
        if fault.status is None and not fault.hang_seconds and not fault.after:
            return await self._allowed(asking)
        raise fault.problem()

    async def _allowed(self, asking: Asking) -> Response:
        await run_in_threadpool(self.access.demand, asking.user, asking.attempt)
        if asking.watches:
            lines = self._watches.stream(asking)
            return StreamingResponse(lines, media_type="application/json")
        if asking.target.subresource == "log":
            want = logs.wanted(self.objects, asking, file_of=self._log_file)
            return StreamingResponse(
                logs.stream(self.objects, want), media_type="text/plain; charset=utf-8"
            )
        answer = await run_in_threadpool(self._writing.answer, asking)
        return _json(answer.body, answer.status, warnings=answer.warnings)


def _not_ours(record: logging.LogRecord) -> bool:
    return record.threadName != _THREAD


def _addresses() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: "10.96.{}.{}".format(*divmod(next(numbers), 250))


def _json(
    body: Mapping[str, Any], status: int = 200, *, warnings: tuple[str, ...] = ()
) -> Response:
    response = Response(json.dumps(body), status, media_type="application/json")
    for warning in warnings:
        response.headers.append("warning", f'299 - "{warning}"'.replace('field "', "field '"))
    return response


def _refusal(problem: ApiProblem) -> Response:
    response = _json(problem.body(), problem.status)
    seconds = problem.details.get("retryAfterSeconds")
    if seconds is not None:
        response.headers["retry-after"] = str(seconds)
    return response
