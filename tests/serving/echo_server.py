"""A server in a thread of the test that tells what its application received, and raw requests."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from starlette.types import Receive, Scope, Send
from uvicorn.lifespan.off import LifespanOff

from slipway.serving.http.drain import DrainingServer
from slipway.serving.http.server import bind, make_config
from slipway.serving.server_options import Options
from tests.serving.processes import until

HOST = "Host: localhost"
HELD = "/held"
"""Path of requests that are answered once `EchoServer.let_go` is called."""


@dataclass
class EchoServer:
    """A running server.

    Attributes:
        port: Its port on loopback.
        received: Number of requests that reached the application.
    """

    port: int = 0
    received: int = 0
    _go: asyncio.Event = field(default_factory=asyncio.Event)
    _loop: asyncio.AbstractEventLoop | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer with path, headers and body."""
        self._loop = asyncio.get_running_loop()
        self.received += 1
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] != "http.request":
                return
            body, more = body + message["body"], message["more_body"]
        if scope["path"] == HELD:
            await self._go.wait()
        headers = [[name.decode(), value.decode("latin-1")] for name, value in scope["headers"]]
        about = {"path": scope["path"], "headers": headers, "body": body.decode("latin-1")}
        data = json.dumps(about).encode()
        head = [(b"content-length", b"%d" % len(data))]
        await send({"type": "http.response.start", "status": 200, "headers": head})
        await send({"type": "http.response.body", "body": data})

    def let_go(self) -> None:
        """Answer the held requests, and all later ones at once."""
        if self._loop is not None:
            self._loop.call_soon_threadsafe(self._go.set)

    def connect(self, source: str = "127.0.0.1") -> socket.socket:
        """A connection from an address of loopback."""
        address = ("127.0.0.1", self.port)
        return socket.create_connection(address, timeout=10, source_address=(source, 0))

    def ask(self, data: bytes, *, source: str = "127.0.0.1") -> list[Reply]:
        """All responses to some bytes on a connection of their own, until a pause or its end."""
        with self.connect(source) as connection:
            with contextlib.suppress(ConnectionError):
                connection.sendall(data)
            return read_replies(connection)


@dataclass(frozen=True)
class Reply:
    """A response.

    Attributes:
        status: Its status.
        head: Its status line and headers, in lower case.
        about: Its JSON.
    """

    status: int
    head: bytes
    about: Any


@contextlib.contextmanager
def echo_server(
    options: Options | None = None, *, keep_alive_seconds: int | None = None
) -> Iterator[EchoServer]:
    """A server with the limits of some options."""
    echo = EchoServer()
    listener = bind("127.0.0.1", 0)
    echo.port = listener.getsockname()[1]
    options = options or Options()
    config = make_config(echo, listener, options=options)
    config.lifespan_class = LifespanOff
    config.timeout_keep_alive = keep_alive_seconds or config.timeout_keep_alive
    server = DrainingServer(config, request_seconds=options.request_seconds, stopping=lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    try:
        until(lambda: server.started, "the server listens")
        yield echo
    finally:
        echo.let_go()
        server.should_exit = server.force_exit = True
        thread.join()
        listener.close()


def request(
    *lines: str, path: str = "/", body: bytes = b"", method: str = "POST", host: str = HOST
) -> bytes:
    """Bytes of a request with some header lines; without `Content-Length` unless a line has it."""
    head = [f"{method} {path} HTTP/1.1", *([host] if host else []), *lines, "", ""]
    return "\r\n".join(head).encode("latin-1") + body


def read_replies(connection: socket.socket, *, pause_s: float = 0.15) -> list[Reply]:
    """Responses until none comes for a while, or the connection ends."""
    received = b""
    connection.settimeout(10)
    with contextlib.suppress(TimeoutError, ConnectionError):
        while data := connection.recv(1 << 16):
            received += data
            connection.settimeout(pause_s)
    parts = re.split(rb"(?=HTTP/1\.1 \d{3} )", received)
    return [_reply(part) for part in parts if part]


def _reply(part: bytes) -> Reply:
    head, _, body = part.partition(b"\r\n\r\n")
    return Reply(int(head[9:12]), head.lower(), json.loads(body))
