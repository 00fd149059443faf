"""One HTTP connection, and the server of all of them: what uvicorn leaves open is bounded here.

uvicorn limits neither how long a request takes to arrive, nor how large its head is, nor how many
connections there are; and when it drains, it cuts idle connections on which a request is under way.
"""

from __future__ import annotations

import json
import socket
from asyncio import AbstractEventLoop, Transport
from collections.abc import Callable
from http import HTTPStatus
from types import FrameType
from typing import cast

import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from slipway.serving.http.drain import close_listeners

CONNECTIONS = 900
HEAD_BYTES = 64 << 10
PARTING_SECONDS = 0.25
SWEEP_TICKS = 5
LATE = "late"
"""Set in the state of a request that took too long to arrive."""


class WriteBatcher:
    """A transport that sends what is written in one turn of the event loop at its end, in one call.

    A system call for the head of an answer and another for its body cost more than a small model
    does; and each wakes the client, which delays the answers that are computed in the same turn.

    Args:
        transport: What sends.
        loop: Its event loop.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Hold a piece of an answer until the end of the turn."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)

    def flush(self) -> None:
        """Send what is held."""
        held, self._held = self._held, []
        if held and not self._transport.is_closing():
            self._transport.writelines(held)

    def close(self) -> None:
        """Close the transport once all is sent."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the transport closes."""
        return self._transport.is_closing()


class Connection(HttpToolsProtocol):
    """A connection whose requests arrive in time and of a sane size, or that is closed."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Take a connection in, unless there are too many."""
        super().connection_made(transport)
        self._batcher = WriteBatcher(transport, self.loop)
        self._in_head = False
        self._head_bytes = 0
        self._is_parting = False
        self._unread_since: float | None = None
        # A client that connects has to ask for something, too.
        self._began: float | None = self.loop.time()
        if len(self.connections) > CONNECTIONS:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "there are too many connections")

    def data_received(self, data: bytes) -> None:
        """Take what arrived."""
        if self._began is None:
            self._began = self.loop.time()
        super().data_received(data)
        if self._in_head:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_BYTES:
                text = f"the head of a request may hold {HEAD_BYTES} bytes"
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)

    def on_message_begin(self) -> None:
        """The first byte of a request is here."""
        super().on_message_begin()
        self._in_head = True
        self._head_bytes = 0
        self._began = self.loop.time()

    def on_headers_complete(self) -> None:
        """Its head is here; the application begins to answer."""
        self._in_head = False
        super().on_headers_complete()
        if not self._is_idle():
            self.cycle.transport = cast(Transport, self._batcher)
            self.cycle.keep_alive = self.cycle.keep_alive and not self._is_parting

    def on_message_complete(self) -> None:
        """All of it is here."""
        self._began = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """The client does not read what was sent."""
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """It does again."""
        self._unread_since = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close a connection that asks nothing more, even if its client reads nothing."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def expire(self, *, before: float) -> None:
        """Refuse a request that began too long ago and is not all here yet.

        Who has not read an answer for as long is cut off.

        Args:
            before: Time of the event loop.
        """
        if self._unread_since is not None and self._unread_since < before:
            self.transport.abort()
        if self._began is not None and self._began < before and not self.pipeline:
            if not self._is_idle():
                self.cycle.scope["state"][LATE] = True
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive")

    def shutdown(self) -> None:
        """Part soon: a request that is on its way to an idle connection is still answered."""
        self._is_parting = True
        if self._is_idle():
            self.loop.call_later(PARTING_SECONDS, self._part)
        else:
            super().shutdown()

    def _part(self) -> None:
        if self._is_idle() and not self._in_head:
            self._batcher.close()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _is_owed_answer(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return self._in_head or cycle is None or not cycle.response_started

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        if self.transport.is_closing():
            return
        # Where an answer was given, what still trickles in belongs to no request of interest.
        if self._is_owed_answer() and not self.pipeline:
            body = json.dumps({"error": text}).encode()
            self._batcher.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
                "connection: close\r\n\r\n".encode()
                + body
            )
        self._batcher.close()


class DrainingServer(uvicorn.Server):
    """A server that says at once that it stops, and looks after connections that are late.

    Args:
        config: uvicorn's.
        request_seconds: How long a request may take to arrive.
        stopping: Called when it is told to stop.
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
        """Begin to drain, at a signal."""
        self._stopping()
        super().handle_exit(sig, frame)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop listening when nobody waits to be taken in, and drain."""
        await close_listeners(self, sockets or [])
        await super().shutdown(sockets)

    async def on_tick(self, counter: int) -> bool:
        """Ten times a second; whether it is time to stop."""
        if counter % SWEEP_TICKS == 0:
            self._sweep()
        return await super().on_tick(counter)

    def _sweep(self) -> None:
        for connection in list(self.server_state.connections):
            if isinstance(connection, Connection):
                connection.expire(before=connection.loop.time() - self._request_seconds)
