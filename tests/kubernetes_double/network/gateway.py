"""A Gateway: accepts HTTPRoutes, writes their status, and forwards requests."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import httpx
import uvicorn

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import ApiProblem
from tests.kubernetes_double.kubelet.pod_status import merged
from tests.kubernetes_double.network.http_routes import (
    CONTROLLER,
    RoutedRequest,
    backend_fault,
    choose,
    conditions,
    parent_of,
    shares,
    unresolved,
)
from tests.kubernetes_double.network.services import Network

NAMESPACE, NAME = "infra", "gateway"
HOST = f"{NAME}.{NAMESPACE}"
REQUEST_WITHIN_S = 60
# Headers that a proxy does not forward.
_HOP = {"connection", "keep-alive", "proxy-connection", "te", "transfer-encoding", "upgrade"}

Message = MutableMapping[str, Any]
Send = Callable[[Message], Awaitable[None]]
Receive = Callable[[], Awaitable[Message]]


def gateway_objects() -> list[dict[str, Any]]:
    """GatewayClass, namespace and Gateway of the double."""
    group = "gateway.networking.k8s.io/v1"
    return [
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        {
            "apiVersion": group,
            "kind": "GatewayClass",
            "metadata": {"name": "double"},
            "spec": {"controllerName": CONTROLLER},
        },
        {
            "apiVersion": group,
            "kind": "Gateway",
            "metadata": {"name": NAME, "namespace": NAMESPACE},
            "spec": {
                "gatewayClassName": "double",
                "listeners": [
                    {
                        "name": "http",
                        "port": 80,
                        "protocol": "HTTP",
                        "allowedRoutes": {"namespaces": {"from": "All"}},
                    }
                ],
            },
        },
    ]


class Gateway:
    """The proxy of the double's only Gateway; runs in the event loop.

    Args:
        objects: All objects.
        network: Resolves Services to endpoints.
        lag_seconds: Delay after a change.
    """

    def __init__(self, objects: Objects, network: Network, *, lag_seconds: float) -> None:
        self._objects = objects
        self._network = network
        self._lag = lag_seconds
        self._gateway: dict[str, Any] | None = None
        self._known: dict[str, dict[str, Any]] = {}
        self._routes: list[dict[str, Any]] = []
        self._due: asyncio.TimerHandle | None = None
        self._client = httpx.AsyncClient(
            trust_env=False,
            verify=False,  # noqa: S501 - pods speak plain HTTP
            timeout=REQUEST_WITHIN_S,
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=0),
        )
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    async def start(self, address: str) -> int:
        """Start the proxy; its port."""
        # asyncio sends small writes at once only on sockets created as TCP.
        listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        listening.bind((address, 0))
        listening.listen(512)
        config = uvicorn.Config(
            self._serve, log_config=None, access_log=False, lifespan="off", interface="asgi3"
        )
        config.timeout_graceful_shutdown = 1
        self._server = uvicorn.Server(config)
        self._serving = asyncio.create_task(self._server.serve([listening]))
        while not self._server.started:  # noqa: ASYNC110 - uvicorn has no event to wait for
            await asyncio.sleep(0.01)
        port: int = listening.getsockname()[1]
        return port

    async def close(self) -> None:
        """Stop the proxy."""
        if self._due is not None:
            self._due.cancel()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        await self._client.aclose()

    def observe(self, change: str, obj: dict[str, Any]) -> None:
        """Record a changed route or Gateway; update soon."""
        meta = obj["metadata"]
        if obj["kind"] == "HTTPRoute":
            self._known.pop(meta["uid"], None)
            if change != "DELETED":
                self._known[meta["uid"]] = obj
        elif obj["kind"] == "Gateway":
            if (meta["namespace"], meta["name"]) == (NAMESPACE, NAME):
                self._gateway = None if change == "DELETED" else obj
        elif obj["kind"] != "Service" or change == "MODIFIED":
            return
        if self._due is None:
            self._due = asyncio.get_running_loop().call_later(self._lag, self._follow)

    def _follow(self) -> None:
        self._due = None
        gateway = self._gateway
        taken = []
        for route in self._known.values():
            if gateway is None or parent_of(route, gateway) is None:
                continue
            taken.append(route)
            self._report(route, gateway)
        self._routes = taken

    def _report(self, route: dict[str, Any], gateway: dict[str, Any]) -> None:
        meta, generation = route["metadata"], route["metadata"]["generation"]
        fresh = conditions(unresolved(route, self._network.service), generation)

        def write(obj: dict[str, Any]) -> None:
            status = obj.setdefault("status", {})
            parents = status.get("parents") or []
            others = [each for each in parents if each["controllerName"] != CONTROLLER]
            own: dict[str, Any] = next(
                (each for each in parents if each["controllerName"] == CONTROLLER), {}
            )
            entry = {
                "parentRef": dict(parent_of(route, gateway) or {}),
                "controllerName": CONTROLLER,
                "conditions": merged(own.get("conditions") or [], fresh),
            }
            status["parents"] = [*others, entry]

        # It may have been deleted meanwhile.
        with contextlib.suppress(ApiProblem):
            self._objects.change(
                "HTTPRoute",
                meta["namespace"],
                meta["name"],
                write,
                manager="gateway",
                subresource="status",
            )

    async def _serve(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        headers = {key.decode().lower(): text.decode("latin-1") for key, text in scope["headers"]}
        path, arguments = scope["raw_path"].decode(), scope["query_string"].decode()
        body = await _body(receive)
        chosen = choose(
            self._routes, RoutedRequest(headers.get("host", "").partition(":")[0], path)
        )
        if chosen is None:
            return await _answer(send, 404, "no route")
        backends, weights = shares(chosen.rule)
        if not backends:
            return await _answer(send, 500, "no backend with a weight")
        backend = random.choices(backends, weights)[0]
        if backend_fault(backend, chosen.namespace, self._network.service) is not None:
            return await _answer(send, 500, "no such backend")
        ready = self._network.ready(chosen.namespace, backend["name"], backend["port"])
        if not ready:
            return await _answer(send, 503, "no endpoint is ready")
        where = random.choice(ready)
        url = f"http://{where.address}:{where.port}{path}"
        if arguments:
            url += f"?{arguments}"
        kept = {name: text for name, text in headers.items() if name not in _HOP}
        try:
            request = self._client.build_request(
                scope["method"], url, headers=kept, content=body or None
            )
            answer = await self._client.send(request, stream=True)
        except httpx.TransportError as error:
            return await _answer(send, 503, f"upstream: {type(error).__name__}")
        try:
            await self._hand_back(answer, send)
        finally:
            await answer.aclose()
        return None

    async def _hand_back(self, answer: httpx.Response, send: Send) -> None:
        headers = {name: text for name, text in answer.headers.items() if name not in _HOP}
        await send(
            {
                "type": "http.response.start",
                "status": answer.status_code,
                "headers": [
                    (name.encode(), text.encode("latin-1")) for name, text in headers.items()
                ],
            }
        )
        async for part in answer.aiter_raw():
            await send({"type": "http.response.body", "body": part, "more_body": True})
        await send({"type": "http.response.body", "body": b""})


async def _body(receive: Receive) -> bytes:
    parts = []
    while True:
        message = await receive()
        parts.append(message.get("body", b""))
        if not message.get("more_body"):
            return b"".join(parts)


async def _answer(send: Send, status: int, text: str) -> None:
    body = text.encode()
    headers = [(b"content-type", b"text/plain"), (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
