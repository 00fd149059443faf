"""Connections to one server on this machine, kept open: what the front door asks through.

httptools is the parser that uvicorn itself uses. Two processes on one machine need no proxies,
redirects, cookies, TLS or decompression. With aiohttp the front door answers 1.3 to 2 times fewer
requests, with httpx 3 to 11 times fewer: `benchmarks/front_door.py --clients httpx,aiohttp`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import httptools

CONNECT_SECONDS = 2.0
# Less than the time after which the server closes an idle connection.
IDLE_SECONDS = 30.0

Headers = Iterable[tuple[bytes, bytes]]


@dataclass(frozen=True, slots=True)
class Reply:
    """A server's whole answer.

    Attributes:
        status: Its status code.
        headers: Names in lower case, and values.
        body: Its body, as it was sent.
        seconds: From asking to its last byte.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    seconds: float


class Upstream:
    """Kept-alive connections to one port of loopback.

    Args:
        port: Where the server listens.
    """

    def __init__(self, port: int) -> None:
        self._port = port
        self._idle: list[_Connection] = []

    async def ask(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = (),
        body: bytes = b"",
        timeout_seconds: float,
    ) -> Reply:
        """Its answer. A kept connection that turns out to be closed is replaced by a new one.

        Args:
            method: `GET` or `POST`.
            target: Path and query, as they stand in a request line.
            headers: Neither `host` nor `content-length` nor any that is about one connection.
            body: Of the request.
            timeout_seconds: The whole answer shall be here by then.

        Raises:
            TimeoutError: It is not.
            ConnectionError: There is no connection, or it broke.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        lines = [f"{method} {target} HTTP/1.1\r\nhost: 127.0.0.1:{self._port}\r\n".encode()]
        lines += [b"%s: %s\r\n" % pair for pair in headers]
        lines.append(b"content-length: %d\r\n\r\n" % len(body))
        request = b"".join([*lines, body])
        while True:
            connection = self._take(loop.time())
            kept = connection is not None
            if connection is None:
                connection = await self._connect()
            try:
                async with asyncio.timeout_at(began + timeout_seconds):
                    status, received, content = await connection.ask(request)
            except ConnectionError:
                if kept and not connection.heard:
                    continue
                raise
            except BaseException:
                connection.close()
                raise
            if connection.usable:
                connection.idle_since = loop.time()
                self._idle.append(connection)
            else:
                connection.close()
            return Reply(status, received, content, loop.time() - began)

    def close(self) -> None:
        """Close every idle connection."""
        while self._idle:
            self._idle.pop().close()

    def _take(self, now: float) -> _Connection | None:
        while self._idle:
            connection = self._idle.pop()
            if connection.usable and now - connection.idle_since < IDLE_SECONDS:
                return connection
            connection.close()
        return None

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                _, connection = await loop.create_connection(_Connection, "127.0.0.1", self._port)
        except OSError as error:
            raise ConnectionError("there is no connection to the server") from error
        return connection


class _Connection(asyncio.Protocol):
    """One connection: one request at a time, and its answer as httptools reads it."""

    def __init__(self) -> None:
        self.heard = False
        self.usable = False
        self.idle_since = 0.0
        self._answer: asyncio.Future[tuple[int, list[tuple[bytes, bytes]], bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        self.usable = True

    async def ask(self, request: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Status, headers and body of the answer."""
        self.heard = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close it, whatever is under way."""
        self.usable = False
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self.heard = True
        if self._answer is None or self._answer.done():
            # Nothing was asked, so whatever this is, it would be taken for the next answer.
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            error = ConnectionResetError("the server closed the connection before it had answered")
            self._answer.set_exception(error)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._headers.append((name.lower(), value))

    def on_body(self, data: bytes) -> None:
        """Take a piece of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        self.usable = self._parser.should_keep_alive() and not self._transport.is_closing()
        if self._answer is not None and not self._answer.done():
            status = self._parser.get_status_code()
            self._answer.set_result((status, self._headers, b"".join(self._body)))
