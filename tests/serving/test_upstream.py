"""The proxy's connections to a server, on a real socket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest

from slipway.serving.http import upstream
from slipway.serving.http.upstream import BrokenOff, Upstream
from tests.conftest import free_port

pytestmark = pytest.mark.anyio

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nX-Made: by hand\r\n\r\nok"
Answer = Callable[[int, bytes, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def a_server(answer: Answer) -> AsyncIterator[tuple[Upstream, list[bytes]]]:
    """A server with scripted answers, and its received requests."""
    seen: list[bytes] = []
    connections = 0
    writers = []

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal connections
        connections += 1
        number = connections
        writers.append(writer)
        while head := await reader.readuntil(b"\r\n\r\n"):
            length = int(head.lower().split(b"content-length: ")[1].split(b"\r\n")[0])
            seen.append(head + await reader.readexactly(length))
            await answer(number, seen[-1], writer)

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    server = await asyncio.start_server(meet, "127.0.0.1", 0)
    asking = Upstream(server.sockets[0].getsockname()[1])
    try:
        yield asking, seen
    finally:
        asking.close()
        for writer in writers:
            writer.close()
        server.close()


async def say(_number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
    """The plain answer."""
    writer.write(OK)


async def test_what_is_asked_and_answered() -> None:
    """Request line, headers and body are sent unchanged; status, headers and body come back."""
    async with a_server(say) as (asking, seen):
        reply = await asking.ask(
            "POST", "/p?q=1", headers=[(b"x-request-id", b"7")], body=b"{}", timeout_seconds=5
        )
    assert (reply.status, reply.body) == (200, b"ok")
    assert (b"x-made", b"by hand") in reply.headers
    assert seen[0].startswith(b"POST /p?q=1 HTTP/1.1\r\nhost: 127.0.0.1:")
    assert seen[0].endswith(b"x-request-id: 7\r\ncontent-length: 2\r\n\r\n{}")


async def test_a_connection_is_kept_and_never_shared() -> None:
    """Sequential requests share a connection; concurrent ones have their own."""
    numbers: list[int] = []

    async def note(number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
        numbers.append(number)
        await asyncio.sleep(0.02)
        writer.write(OK)

    async with a_server(note) as (asking, _):
        for _ in range(3):
            await asking.ask("GET", "/", timeout_seconds=5)
        assert numbers == [1, 1, 1]
        await asyncio.gather(*(asking.ask("GET", "/", timeout_seconds=5) for _ in range(4)))
    assert set(numbers[3:]) == {1, 2, 3, 4}


async def test_a_kept_connection_that_was_closed_is_replaced() -> None:
    """If the server has closed an idle connection, a request is sent on a new one, once."""

    async def once(number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        if number == 1:
            writer.close()
            await writer.wait_closed()

    async with a_server(once) as (asking, seen):
        for _ in range(3):
            reply = await asking.ask("POST", "/", body=b"{}", timeout_seconds=5)
            assert reply.status == 200
            # The end of the connection is received, and not yet noticed by the event loop.
            time.sleep(0.05)  # noqa: ASYNC251
    assert len(seen) == 3


async def test_a_body_is_sent_once() -> None:
    """A request may be what ended the kept connection; only one without a body is repeated."""

    async def once(number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
        if number % 2 and len(seen) % 2 == 0:
            writer.close()
        else:
            writer.write(OK)

    async with a_server(once) as (asking, seen):
        await asking.ask("POST", "/", body=b"{}", timeout_seconds=5)
        with pytest.raises(BrokenOff):
            await asking.ask("POST", "/", body=b"{}", timeout_seconds=5)
        assert len(seen) == 2
    async with a_server(once) as (asking, seen):
        for _ in range(2):
            assert (await asking.ask("GET", "/", timeout_seconds=5)).status == 200
        assert len(seen) == 3


@pytest.mark.parametrize(
    "broken",
    [
        b"",
        b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok",
        b"no HTTP at all\r\n\r\n",
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 3\r\n\r\nok",
    ],
)
async def test_half_an_answer_is_none(broken: bytes) -> None:
    """A connection that ends early or breaks the protocol is a failure."""

    async def break_off(_number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(broken)
        await writer.drain()
        writer.close()

    async with a_server(break_off) as (asking, seen):
        with pytest.raises(BrokenOff):
            await asking.ask("GET", "/", timeout_seconds=5)
    assert len(seen) == 1


async def test_a_late_answer_is_no_ones() -> None:
    """A timed-out connection is closed, so its late answer reaches no other request."""

    async def late(_number: int, request: bytes, writer: asyncio.StreamWriter) -> None:
        if b"/slow" in request:
            await asyncio.sleep(0.2)
            writer.write(OK.replace(b"ok", b"no"))
        else:
            writer.write(OK)

    async with a_server(late) as (asking, _):
        with pytest.raises(TimeoutError):
            await asking.ask("GET", "/slow", timeout_seconds=0.05)
        for _ in range(3):
            assert (await asking.ask("GET", "/", timeout_seconds=5)).body == b"ok"
            await asyncio.sleep(0.1)


async def test_what_nobody_asked_for_is_dropped() -> None:
    """Unexpected bytes after an answer close the connection; the next request is unaffected."""

    async def chatty(_number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
        writer.write(OK)
        await writer.drain()
        await asyncio.sleep(0.02)
        writer.write(OK.replace(b"ok", b"no"))

    async with a_server(chatty) as (asking, _):
        for _ in range(3):
            assert (await asking.ask("GET", "/", timeout_seconds=5)).body == b"ok"
            await asyncio.sleep(0.05)


async def test_an_answer_in_pieces() -> None:
    """A chunked answer that arrives in single bytes is complete; `close` is respected."""
    parts = b"HTTP/1.1 503 Busy\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    parts += b"3\r\nyes\r\n2\r\n, \r\n0\r\n\r\n"

    async def drip(_number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
        for byte in parts:
            writer.write(bytes([byte]))
            await asyncio.sleep(0)

    async with a_server(drip) as (asking, seen):
        for _ in range(2):
            reply = await asking.ask("GET", "/", timeout_seconds=5)
            assert (reply.status, reply.body) == (503, b"yes, ")
    assert len(seen) == 2


async def test_a_refused_connection_fails_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """And a connection that was idle for long is not used again."""
    with pytest.raises(ConnectionError):
        await Upstream(free_port()).ask("GET", "/", timeout_seconds=5)
    monkeypatch.setattr(upstream, "IDLE_SECONDS", 0.0)
    numbers: list[int] = []

    async def note(number: int, _request: bytes, writer: asyncio.StreamWriter) -> None:
        numbers.append(number)
        writer.write(OK)

    async with a_server(note) as (asking, _):
        for _ in range(2):
            await asking.ask("GET", "/", timeout_seconds=5)
    assert numbers == [1, 2]
