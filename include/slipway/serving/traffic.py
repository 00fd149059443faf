"""One model's traffic on this machine: the state in force, the servers behind it, each request.

A new state comes into force once its weighted versions are ready; until then the old one serves.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import httpx
from starlette.requests import Request
from starlette.responses import Response

from slipway.records.desired import Desired
from slipway.serving.processes import Server
from slipway.serving.routing import order
from slipway.serving.web import MAX_BODY_BYTES, REQUEST_ID, VERSION, problem, read_body

WAIT_SECONDS = 60.0
PASSED_ON = ("content-type", VERSION)


class Traffic:
    """Requests to one model, and the servers that answer them.

    Args:
        desired: The newest state asked for.
        make: Makes the server of a version.
        wait_seconds: How long a request waits for a server to come back.
    """

    def __init__(
        self,
        desired: Desired,
        *,
        make: Callable[[str, int, Callable[[], None]], Server],
        wait_seconds: float = WAIT_SECONDS,
    ) -> None:
        self.model = desired.model
        self.desired = desired
        self.in_force = desired
        self.servers: dict[int, Server] = {}
        self._make = make
        self._wait_seconds = wait_seconds
        self._changed = asyncio.Event()
        self._leaving: set[asyncio.Task[None]] = set()

    def advance(self) -> None:
        """Start what is needed, put the newest state in force when it can be, end the rest."""
        needed = self.desired.versions | self.in_force.versions
        for version in sorted(needed - self.servers.keys()):
            server = self.servers[version] = self._make(self.model, version, self._notice)
            server.start()
        if self._is_ready(self.desired) or not self._answers(self.in_force):
            self.in_force = self.desired
        for version in self.servers.keys() - self.desired.versions - self.in_force.versions:
            task = asyncio.create_task(self.servers.pop(version).drain())
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def stop(self) -> None:
        """End every server once it has drained."""
        draining = [server.drain() for server in self.servers.values()]
        await asyncio.gather(*draining, *self._leaving)

    def is_settled(self) -> bool:
        """Whether the newest state is in force and its weighted versions are ready."""
        return self.in_force == self.desired and self._is_ready(self.desired)

    def is_ready(self, version: int | None) -> bool:
        """Whether a request, to one version or by weight, would be answered at once."""
        return bool(self._candidates(version))

    def status(self) -> dict[str, Any]:
        """What is really served."""
        return {
            "model": self.model,
            "generation": self.in_force.generation,
            "desired": self.desired.generation,
            "token": self.in_force.token,
            "weights": {str(version): share for version, share in self.in_force.weights.items()},
            "keep": list(self.in_force.keep),
            "settled": self.is_settled(),
            "servers": {
                str(version): server.status() for version, server in sorted(self.servers.items())
            },
        }

    async def forward(self, request: Request, path: str, *, version: int | None) -> Response:
        """The answer of a server; a repeat of a request bears the same id, so it counts once.

        Args:
            request: What was asked.
            path: Path on the server.
            version: The only version that may answer; none: by weight.
        """
        body = await read_body(request, max_bytes=MAX_BODY_BYTES)
        if body is None:
            return problem(413, f"the request is larger than {MAX_BODY_BYTES} bytes")
        headers = {
            REQUEST_ID: request.headers.get(REQUEST_ID) or uuid4().hex,
            "content-type": request.headers.get("content-type", "application/json"),
        }
        clock = asyncio.get_running_loop().time
        deadline = clock() + self._wait_seconds
        while True:
            self._changed.clear()
            try:
                reply = await self._try_each(request.method, path, body, headers, version)
            except httpx.ReadTimeout:
                return problem(504, "the model did not answer in time")
            if reply is not None:
                passed_on = {key: reply.headers[key] for key in PASSED_ON if key in reply.headers}
                return Response(reply.content, reply.status_code, passed_on)
            remaining = deadline - clock()
            if remaining <= 0:
                return problem(503, f"no server of {self.model} is ready; ask again")
            await self._change(min(remaining, 0.5))

    async def _try_each(
        self, method: str, path: str, body: bytes, headers: dict[str, str], version: int | None
    ) -> httpx.Response | None:
        reply = None
        for candidate in self._candidates(version):
            server = self.servers[candidate]
            answer = await server.ask(method, path, body=body, headers=headers)
            if answer is not None:
                reply = answer
                if answer.status_code != HTTPStatus.SERVICE_UNAVAILABLE:
                    break
        return reply

    def _candidates(self, version: int | None) -> list[int]:
        ready = {number for number, server in self.servers.items() if server.ready}
        if version is not None:
            return [version] if version in ready else []
        draw = random.random()  # noqa: S311 - a share of the traffic is no secret
        return order(self.in_force.weights, keep=self.in_force.keep, ready=ready, draw=draw)

    async def _change(self, timeout_seconds: float) -> None:
        try:
            await asyncio.wait_for(self._changed.wait(), timeout_seconds)
        except TimeoutError:
            return

    def _notice(self) -> None:
        self._changed.set()

    def _is_ready(self, state: Desired) -> bool:
        return all(
            version in self.servers and self.servers[version].ready for version in state.weights
        )

    def _answers(self, state: Desired) -> bool:
        return any(
            version in self.servers and self.servers[version].ready for version in state.weights
        )
