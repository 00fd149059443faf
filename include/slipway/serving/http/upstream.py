"""HTTP client of one server on this machine, with kept-alive connections.

httptools is the parser that uvicorn uses. Two processes on one machine need no proxies, redirects,
cookies, TLS or decompression. With aiohttp the reverse proxy answers 1.3 to 2 times fewer requests,
with httpx 3 to 11 times fewer: `benchmarks/reverse_proxy.py --clients httpx,aiohttp`.
"""

from __future__ import annotations

import asyncio
import select
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

import httptools

CONNECT_SECONDS = 2.0
# Less than the time after which the server closes an idle connection.
IDLE_SECONDS = 30.0

Headers = Iterable[tuple[bytes, bytes]]


class BrokenOff(ConnectionError):
    """The connection ended after a request was sent, which may be what ended the server."""


@dataclass(frozen=True, slots=True)
class Reply:
    """Complete response of a server.

    Attributes:
        status: Status code.
        headers: Names in lower case, and values.
        body: Body as received.
        seconds: Time from the request to the last byte of the response.
    """

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes
    seconds: float


class Upstream:
    """Kept-alive connections to one port of loopback.

    Args:
        port: Port on which the server listens.
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
        """Send a request and return the response.

        A kept-alive connection that the server has closed is not used. If one ends after all before
        a byte of the response, a request without a body is sent once more.

        Args:
            method: `GET` or `POST`.
            target: Path and query, quoted for a request line.
            headers: End-to-end headers, without `host` and `content-length`.
            body: Body of the request.
            timeout_seconds: Limit on the time until the response is complete.

        Raises:
            TimeoutError: The response was not complete in time.
            BrokenOff: The connection broke once the request was sent.
            ConnectionError: There is no connection; the request was not sent.
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
            except ConnectionError as error:
                if kept and not body and not connection.has_received:
                    continue
                raise BrokenOff(str(error)) from error
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
            if now - connection.idle_since < IDLE_SECONDS and connection.is_open():
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
    """One connection, with one request at a time; httptools parses the response."""

    def __init__(self) -> None:
        self.has_received = False
        self.usable = False
        self.idle_since = 0.0
        self._answer: asyncio.Future[tuple[int, list[tuple[bytes, bytes]], bytes]] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpResponseParser(self)
        self._poll = select.poll()
        self._poll.register(transport.get_extra_info("socket"), select.POLLIN)
        self.usable = True

    def is_open(self) -> bool:
        """Whether a request can be sent; the end of an idle connection is data to be read."""
        return self.usable and not self._poll.poll(0)

    async def ask(self, request: bytes) -> tuple[int, list[tuple[bytes, bytes]], bytes]:
        """Send a request and return status, headers and body of the response."""
        self.has_received = False
        self._headers: list[tuple[bytes, bytes]] = []
        self._body: list[bytes] = []
        self._answer = asyncio.get_running_loop().create_future()
        self._transport.write(request)
        return await self._answer

    def close(self) -> None:
        """Close the connection, also during a request."""
        self.usable = False
        self._transport.abort()

    def data_received(self, data: bytes) -> None:
        self.has_received = True
        if self._answer is None or self._answer.done():
            # Data without a request: it would be parsed as the next response.
            self.close()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self.close()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.usable = False
        if self._answer is not None and not self._answer.done():
            error = ConnectionResetError("the server closed the connection before it had responded")
            self._answer.set_exception(error)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Collect a header."""
        self._headers.append((name.lower(), value))

    def on_body(self, data: bytes) -> None:
        """Collect a part of the body."""
        self._body.append(data)

    def on_message_complete(self) -> None:
        """Complete the response."""
        self.usable = self._parser.should_keep_alive() and not self._transport.is_closing()
        if self._answer is not None and not self._answer.done():
            status = self._parser.get_status_code()
            self._answer.set_result((status, self._headers, b"".join(self._body)))
