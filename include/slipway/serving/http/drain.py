"""The end of listening: whoever has connected by then is answered.

The kernel takes connections in before the process does, and resets those that wait when a
listener is closed. Their clients may have sent a request already.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence

import uvicorn

TAKE_IN_SECONDS = 5.0


async def close_listeners(server: uvicorn.Server, listeners: Sequence[socket.socket]) -> None:
    """Close listeners at a moment when nobody waits behind them.

    Args:
        server: Which answers those who waited.
        listeners: What it listens on.
    """
    waiting = [connection for listener in listeners for connection in _accept_all(listener)]
    # Nothing is awaited in between: who connects from here on is refused, not cut off.
    for listening in server.servers:
        listening.close()
    for listener in listeners:
        listener.close()
    taken = [asyncio.ensure_future(_serve_accepted(server, connection)) for connection in waiting]
    if taken:
        await asyncio.wait(taken, timeout=TAKE_IN_SECONDS)


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
        _, protocol = await loop.connect_accepted_socket(make, connection, ssl=server.config.ssl)
    except OSError:
        # Gone again, or no TLS.
        connection.close()
    else:
        protocol.shutdown()  # type: ignore[attr-defined]
