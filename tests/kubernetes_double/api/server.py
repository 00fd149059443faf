"""The HTTP server of the API."""

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
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from tests.kubernetes_double.api.access import Access, User, review
from tests.kubernetes_double.api.admission import ADMISSION, namespace_is_there
from tests.kubernetes_double.api.defaulting import ServiceAddresses, default
from tests.kubernetes_double.api.discovery import document
from tests.kubernetes_double.api.faults import Fault, Faults, LoggedRequest
from tests.kubernetes_double.api.limit_ranges import limited
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.api.request import ApiRequest, target_of
from tests.kubernetes_double.api.validation import validate
from tests.kubernetes_double.api.watches import Watches
from tests.kubernetes_double.api.writes import Verbs
from tests.kubernetes_double.kubelet import logs

_METHODS = ["GET", "POST", "PATCH", "DELETE"]
_REVIEWS = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews"
_START_SECONDS = 10
_THREAD = "api-double"
_LOG = logging.getLogger(__name__)


class Api:
    """The API of one cluster. It adds checks to the objects, so create it before any object.

    Args:
        objects: All objects.
        gateway: Whether the cluster has the Gateway API.
        address_of_service: Returns a new cluster address for a Service.
        log_file: Path of a container's log: (namespace, pod, container) -> path.
        port: Where to listen on the loopback address; 0: where there is room.

    Attributes:
        access: Tokens and rights.
        faults: Injected faults.
        requests: Requests: (method, path, account, status), oldest first.
    """

    def __init__(
        self,
        objects: Objects,
        *,
        gateway: bool = False,
        address_of_service: Callable[[], str] | None = None,
        log_file: logs.LogFile | None = None,
        port: int = 0,
    ) -> None:
        self.objects = objects
        self.access = Access(objects)
        self.faults = Faults()
        self.requests: list[LoggedRequest] = []
        self._gateway = gateway
        self._log_file = log_file or (lambda *_: None)
        self._watches = Watches(objects)
        self._verbs = Verbs(objects, self.access)
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
        """URL of the API."""
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start to serve; after a stop, at the same address."""
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
        # Watches that are cut at the end are no errors to show; `requests` is the journal.
        for name in ("uvicorn.error", "uvicorn.access"):
            logging.getLogger(name).addFilter(_not_ours)
        thread.start()
        self._running = (server, thread)
        over = time.monotonic() + _START_SECONDS
        while not server.started and thread.is_alive() and time.monotonic() < over:
            time.sleep(0.01)

    def stop(self) -> None:
        """Stop: connections are refused."""
        if self._running:
            server, thread = self._running
            self._watches.drop()
            server.should_exit = True
            thread.join(timeout=_START_SECONDS)
            self._running = None

    def fail(self, fault: Fault) -> None:
        """Add a fault."""
        self.faults.add(fault)

    async def _serve(self, request: Request) -> Response:
        account = ""
        try:
            user = self.access.user(request.headers.get("authorization", ""))
            account = user.account
            response = await self._answered(request, user)
        except ApiProblem as problem:
            response = _refusal(problem)
        except Exception as error:  # noqa: BLE001 - a bug of the double is reported to the client
            _LOG.exception("the double broke on %s %s", request.method, request.url)
            response = _refusal(ApiProblem(500, "InternalError", f"the double broke: {error!r}"))
        self.requests.append(
            LoggedRequest(request.method, request.url.path, account, response.status_code)
        )
        return response

    async def _answered(self, request: Request, user: User) -> Response:
        path = request.url.path
        if path == _REVIEWS and request.method == "POST":
            return _json(review(self.access, user, await request.json()), 201)
        found = document(path, gateway=self._gateway) if request.method == "GET" else None
        if found is not None:
            return _json(found)
        api_request = ApiRequest(
            target_of(path, gateway=self._gateway),
            request.method,
            dict(request.query_params),
            user,
            content_type=request.headers.get("content-type", ""),
            agent=request.headers.get("user-agent", ""),
            body=await request.body(),
        )
        return await self._faulty(api_request)

    async def _faulty(self, api_request: ApiRequest) -> Response:
        target = api_request.target
        fault = self.faults.next(api_request.verb, target.kind.name, target.name)
        if fault is None:
            return await self._allowed(api_request)
        if fault.after:
            await self._allowed(api_request)
        await asyncio.sleep(fault.hang_seconds)
        raise fault.problem()

    async def _allowed(self, api_request: ApiRequest) -> Response:
        await run_in_threadpool(self.access.demand, api_request.user, api_request.action)
        if api_request.watches:
            lines = self._watches.stream(api_request)
            return StreamingResponse(lines, media_type="application/json")
        if api_request.target.subresource == "log":
            text = await run_in_threadpool(
                logs.log_of, self.objects, api_request, file_of=self._log_file
            )
            return Response(text, media_type="text/plain; charset=utf-8")
        answer = await run_in_threadpool(self._verbs.answer, api_request)
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
