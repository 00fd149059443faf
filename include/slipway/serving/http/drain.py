"""Drain a server on SIGTERM: stop accepting, then finish every request that was sent.

The kernel accepts connections before the process does, and resets the pending ones when a listener
is closed, although their clients may have sent a request already. So no further connection may
begin, those that have begun are accepted, and then the listener is closed. uvicorn closes idle
connections without waiting for a request in transit.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable, Sequence
from types import FrameType

import uvicorn

from slipway.serving.http.connection import Connection
from slipway.serving.http.syn_filter import let_no_connection_begin

HANDSHAKE_SECONDS = 0.2
"""Time for connections that have begun to reach the listener: a round trip or two."""

ROUNDS = 4

ACCEPTED_SECONDS = 5.0
SWEEP_TICKS = 5


class DrainingServer(uvicorn.Server):
    """A server that drains when stopped, and times out slow connections.

    Args:
        config: Configuration of uvicorn.
        request_seconds: Limit on the time that a request takes to arrive.
        stopping: Called when draining begins.
    """

    def __init__(
        self, config: uvicorn.Config, *, request_seconds: float, stopping: Callable[[], None]
    ) -> None:
        super().__init__(config)
        self._request_seconds = request_seconds
        self._stopping = stopping

    def stop(self) -> None:
        """Begin to drain."""
        self._stopping()
        self.should_exit = True

    def handle_exit(self, sig: int, frame: FrameType | None) -> None:
        """Begin to drain on a signal."""
        self._stopping()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Close the listeners, serve pending connections, and drain."""
        await close_listeners(self, sockets or [])
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Time out slow connections; uvicorn calls this ten times a second."""
        if counter % SWEEP_TICKS == 0:
            self._sweep()
        return await super().on_tick(counter)

    def _sweep(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                now = connection.loop.time()
                connection.expire(now=now, request_seconds=self._request_seconds)


async def close_listeners(server: uvicorn.Server, listeners: Sequence[socket.socket]) -> None:
    """Close listeners after accepting all connections that have begun, and serve these.

    Args:
        server: Serves the pending connections.
        listeners: Its listening sockets.
    """
    # The event loop accepts no more: what is accepted here begins to drain at once.
    last = [listener.dup() for listener in listeners]
    for listener in last:
        let_no_connection_begin(listener)
    for listening in server.servers:
        listening.close()
    for listener in listeners:
        listener.close()
    accepted = []
    for pause in (0.0, *[HANDSHAKE_SECONDS / ROUNDS] * ROUNDS):
        await asyncio.sleep(pause)
        pending = [connection for listener in last for connection in _accept_all(listener)]
        accepted += [asyncio.ensure_future(_serve_accepted(server, one)) for one in pending]
    for listener in last:
        listener.close()
    if accepted:
        await asyncio.wait(accepted, timeout=ACCEPTED_SECONDS)


def _accept_all(listener: socket.socket) -> list[socket.socket]:
    accepted = []
    listener.setblocking(False)  # noqa: FBT003
    while True:
        try:
            accepted.append(listener.accept()[0])
        except OSError:
            return accepted


async def _serve_accepted(server: uvicorn.Server, connection: socket.socket) -> None:
    def make() -> asyncio.Protocol:
        protocol = server.config.http_protocol_class
        return protocol(  # type: ignore[call-arg]
            config=server.config,
            server_state=server.server_state,
            app_state=server.lifespan.state,
        )

    connection.setblocking(False)  # noqa: FBT003
    try:
        loop = asyncio.get_running_loop()
        _, protocol = await loop.connect_accepted_socket(make, connection)
    except OSError:
        # The client disconnected.
        connection.close()
    else:
        protocol.shutdown()  # type: ignore[attr-defined]
