"""The end of listening, with connections that were not accepted yet."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from slipway.serving.http.connection import Connection
from slipway.serving.http.drain import DrainingServer
from slipway.serving.http.server import bind

REQUEST = b"GET / HTTP/1.1\r\nhost: here\r\n\r\n"
Loop = Callable[[], asyncio.AbstractEventLoop]


async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer every request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


async def stop_with(listener: socket.socket, clients: list[socket.socket]) -> None:
    """Start and stop a server; clients connect while its event loop is blocked."""
    config = uvicorn.Config(application, http=Connection, lifespan="off", log_level="warning")
    config.load()
    server = DrainingServer(config, request_seconds=5, stopping=lambda: None)
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    for client in clients:
        client.connect(listener.getsockname())
        client.send(REQUEST)
    await server.shutdown(sockets=[listener])


def read_all(client: socket.socket) -> bytes:
    """Bytes that a client receives until its connection is closed."""
    with client:
        client.settimeout(5)
        return b"".join(iter(lambda: client.recv(4096), b""))


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_connected_clients_are_answered(loop: Loop) -> None:
    """Requests sent before the listener closes are answered; the kernel would reset them."""
    listener = bind("127.0.0.1", 0)
    address = listener.getsockname()
    clients = [socket.socket() for _ in range(20)]
    with asyncio.Runner(loop_factory=loop) as runner:
        runner.run(stop_with(listener, clients))
    answers = [read_all(client) for client in clients]
    for answer in answers:
        assert answer.startswith(b"HTTP/1.1 200")
        assert b"connection: close" in answer.lower()
        assert b"here" in answer
    with socket.socket() as late, pytest.raises(ConnectionRefusedError):
        late.connect(address)
