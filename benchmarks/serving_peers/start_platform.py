"""Start the platform with another HTTP client between it and its servers: CLIENT PORT.

Each client keeps connections alive, neither redirects nor decompresses, has no cookies, proxies or
timeout of its own, and sends a request again if a kept connection was closed meanwhile.
"""

from __future__ import annotations

import asyncio
import sys
from abc import ABC, abstractmethod

import aiohttp
import httpx
from yarl import URL

from slipway import cli
from slipway.serving.http.upstream import IDLE_SECONDS, Headers, Reply
from slipway.serving.platform.supervisor import server_process

Answer = tuple[int, list[tuple[bytes, bytes]], bytes]


class Adapter(ABC):
    """Replacement for `Upstream` that uses a library.

    Attributes:
        closed: Errors after which a request is sent once more.
        broken: Errors after which the request has failed.

    Args:
        port: Port on which the server listens.
    """

    closed: tuple[type[Exception], ...]
    broken: tuple[type[Exception], ...]

    def __init__(self, port: int) -> None:
        self._origin = f"http://127.0.0.1:{port}"

    async def ask(
        self,
        method: str,
        target: str,
        *,
        headers: Headers = (),
        body: bytes = b"",
        timeout_seconds: float,
    ) -> Reply:
        """Send a request and return the reply.

        Raises:
            TimeoutError: The reply did not arrive in time.
            ConnectionError: There is no connection, or it broke.
        """
        loop = asyncio.get_running_loop()
        began = loop.time()
        for is_last in (False, True):
            try:
                async with asyncio.timeout_at(began + timeout_seconds):
                    answer = await self.send(method, target, headers, body)
                return Reply(*answer, loop.time() - began)
            except self.closed as error:
                if is_last:
                    raise ConnectionError from error
            except self.broken as error:
                raise ConnectionError from error
        raise AssertionError

    @abstractmethod
    async def send(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """Return status, headers and body of the reply."""

    @abstractmethod
    def close(self) -> None:
        """Drop the connections; called once the server's process has ended."""


class Httpx(Adapter):
    """Uses httpx's client."""

    closed = (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError)
    broken = (httpx.TransportError,)

    def __init__(self, port: int) -> None:
        super().__init__(port)
        limits = httpx.Limits(
            max_connections=None, max_keepalive_connections=None, keepalive_expiry=IDLE_SECONDS
        )
        self._client = httpx.AsyncClient(
            limits=limits, trust_env=False, timeout=httpx.Timeout(None)
        )
        self._client.headers.clear()

    async def send(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """Return status, headers and body of the reply."""
        url = self._origin + target
        reply = await self._client.request(method, url, headers=list(headers), content=body)
        received = [(name.lower(), value) for name, value in reply.headers.raw]
        return reply.status_code, received, reply.content

    def close(self) -> None:
        """Leave the connections open until this process ends."""


class Aiohttp(Adapter):
    """Uses aiohttp's client, whose parser is llhttp in C, as httptools' is."""

    closed = (aiohttp.ServerDisconnectedError, ConnectionError)
    broken = (aiohttp.ClientError,)

    def __init__(self, port: int) -> None:
        super().__init__(port)
        self._urls: dict[str, URL] = {}
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=IDLE_SECONDS),
            cookie_jar=aiohttp.DummyCookieJar(),
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding", "Content-Type"),
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def send(self, method: str, target: str, headers: Headers, body: bytes) -> Answer:
        """Return status, headers and body of the reply."""
        url = self._urls.get(target)
        if url is None:
            # The target is quoted already.
            url = self._urls[target] = URL(self._origin + target, encoded=True)
        named = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers]
        asking = self._session.request(method, url, headers=named, data=body, allow_redirects=False)
        async with asking as reply:
            content = await reply.read()
        return reply.status, [(name.lower(), value) for name, value in reply.raw_headers], content

    def close(self) -> None:
        """Leave the connections open until this process ends."""


CLIENTS: dict[str, type[Adapter]] = {"httpx": Httpx, "aiohttp": Aiohttp}

if __name__ == "__main__":
    name, port = sys.argv[1:]
    server_process.Upstream = CLIENTS[name]
    sys.argv[1:] = ["platform", "--port", port]
    cli.main()
