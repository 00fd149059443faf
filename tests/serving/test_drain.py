"""The end of listening, with connections that were not accepted yet."""

from __future__ import annotations

import asyncio
import errno
import select
import socket
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, ClassVar

import pytest
import uvicorn
import uvloop
from starlette.types import Receive, Scope, Send

from slipway.serving.http.connection import make_protocol
from slipway.serving.http.drain import DrainingServer
from slipway.serving.http.server import bind
from tests.serving.processes import free_port, running, until

REQUEST = b"GET / HTTP/1.1\r\nhost: localhost\r\n\r\n"
Loop = Callable[[], asyncio.AbstractEventLoop]


async def application(_scope: Scope, _receive: Receive, send: Send) -> None:
    """Answer every request."""
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"here"})


async def stop_with(listener: socket.socket, clients: list[socket.socket]) -> None:
    """Start and stop a server; clients connect while its event loop is blocked."""
    config = uvicorn.Config(application, http=make_protocol(), lifespan="off", log_level="warning")
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


class LateListener(socket.socket):
    """A listener to which a client connects right after an accept found no connection.

    Attributes:
        late: The client of all such listeners; None once it has connected.
    """

    late: ClassVar[socket.socket | None] = None

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection; where there is none, let the client connect before that is known."""
        try:
            return super().accept()
        except BlockingIOError:
            client, LateListener.late = LateListener.late, None
            if client is not None:
                client.connect_ex(self.getsockname())
            raise


@pytest.mark.parametrize(
    "loop", [asyncio.new_event_loop, uvloop.new_event_loop], ids=["asyncio", "uvloop"]
)
def test_a_connection_after_the_last_accept_is_refused(loop: Loop) -> None:
    """It cannot begin any more; the kernel would complete it, and reset it at the close."""
    listener = LateListener(fileno=bind("127.0.0.1", 0).detach())
    with socket.socket() as late:
        late.setblocking(False)  # noqa: FBT003
        LateListener.late = late
        with asyncio.Runner(loop_factory=loop) as runner:
            runner.run(stop_with(listener, []))
        assert LateListener.late is None
        assert select.select([], [late], [], 10)[1]
        assert late.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == errno.ECONNREFUSED


def test_a_new_connection_has_time_for_its_request() -> None:
    """A client that connected right before SIGTERM, and sends its request a second later."""
    listener = bind("127.0.0.1", 0)

    async def stop(client: socket.socket) -> None:
        sending = asyncio.get_running_loop().call_later(1.0, client.send, REQUEST)
        await stop_with(listener, [])
        assert sending.when() < asyncio.get_running_loop().time()

    with socket.create_connection(listener.getsockname()) as client:
        asyncio.run(stop(client))
        assert read_all(client).startswith(b"HTTP/1.1 200")


SERVER = """
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from slipway.serving.http.server import bind, run_until_stopped
app = Starlette(routes=[Route("/", lambda _: PlainTextResponse("here"))])
run_until_stopped(app, bind("127.0.0.1", {port}))
"""
CLIENTS = 60


def test_a_burst_of_connections_at_sigterm_is_answered_or_refused(tmp_path: Path) -> None:
    """Clients that connect anew for each request; no connection is cut."""
    address = "127.0.0.1", free_port()
    code = SERVER.format(port=address[1])

    def ask() -> Counter[str]:
        outcomes = Counter([one_request(address)])
        while set(outcomes) == {"answered"}:
            outcomes[one_request(address)] += 1
        return outcomes

    with running(code, output=tmp_path / "server.out", port=address[1]) as server:
        until(lambda: one_request(address) == "answered", "the server answers")
        with ThreadPoolExecutor(CLIENTS) as threads:
            asking = [threads.submit(ask) for _ in range(CLIENTS)]
            time.sleep(0.5)
            assert server.stop() == 0
        outcomes = sum((one.result() for one in asking), Counter[str]())
    assert outcomes["answered"] > CLIENTS
    assert outcomes == {"answered": outcomes["answered"], "refused": CLIENTS}


def one_request(address: tuple[str, int]) -> str:
    """Outcome of one request on a connection of its own."""
    client = socket.socket()
    client.settimeout(30)
    try:
        client.connect(address)
    except ConnectionRefusedError:
        client.close()
        return "refused"
    try:
        client.sendall(REQUEST.replace(b"\r\n\r\n", b"\r\nconnection: close\r\n\r\n"))
        answer = read_all(client)
    except OSError as error:
        return type(error).__name__
    return "answered" if answer.startswith(b"HTTP/1.1 200") else "closed"
