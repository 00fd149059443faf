"""Limits of an HTTP connection: request time, header size, number of connections.

uvicorn limits none of them; and when it drains, it closes idle connections, although a request may
be in transit.
"""

from __future__ import annotations

import json
from asyncio import AbstractEventLoop, Transport
from http import HTTPStatus
from typing import cast

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

CONNECTIONS = 900
HEADER_BYTES = 64 << 10
IDLE_DRAIN_SECONDS = 0.25
UNUSED_DRAIN_SECONDS = 2.0
"""Time for the first request of a connection that was made shortly before draining."""

LATE = "late"
"""Key in the state of a request that took too long to arrive."""


class WriteBatcher:
    """A transport that sends all writes of one event loop iteration in one system call, at its end.

    Separate system calls for header and body cost more than scoring with a small model, and each
    wakes the client, which delays responses computed in the same iteration.

    Args:
        transport: The underlying transport.
        loop: Its event loop.
    """

    def __init__(self, transport: Transport, loop: AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._buffer: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Buffer data until the end of the iteration."""
        if not self._buffer:
            self._loop.call_soon(self.flush)
        self._buffer.append(data)

    def flush(self) -> None:
        """Send the buffered data."""
        buffered, self._buffer = self._buffer, []
        if buffered and not self._transport.is_closing():
            self._transport.writelines(buffered)

    def close(self) -> None:
        """Flush, then close the transport."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the transport is closing."""
        return self._transport.is_closing()


class Connection(HttpToolsProtocol):
    """A connection that is closed when a request is too slow or its header too large."""

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Accept the connection unless there are too many."""
        super().connection_made(transport)
        self._batcher = WriteBatcher(transport, self.loop)
        self._in_header = False
        self._header_bytes = 0
        self._is_draining = False
        self._unread_since: float | None = None
        # The time limit also applies to a client that connects and sends nothing.
        self._began: float | None = self.loop.time()
        if len(self.connections) > CONNECTIONS:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, "too many connections")

    def data_received(self, data: bytes) -> None:
        """Receive data, and check the size of the header."""
        if self._began is None:
            self._began = self.loop.time()
        super().data_received(data)
        if self._in_header:
            self._header_bytes += len(data)
            if self._header_bytes > HEADER_BYTES:
                text = f"the request header exceeds {HEADER_BYTES} bytes"
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, text)

    def on_message_begin(self) -> None:
        """Start the clock of a request at its first byte."""
        super().on_message_begin()
        self._in_header = True
        self._header_bytes = 0
        self._began = self.loop.time()

    def on_headers_complete(self) -> None:
        """Start the application once the header is complete."""
        self._in_header = False
        super().on_headers_complete()
        if not self._is_idle():
            self.cycle.transport = cast(Transport, self._batcher)
            self.cycle.keep_alive = self.cycle.keep_alive and not self._is_draining

    def on_message_complete(self) -> None:
        """Stop the clock of a request at its last byte."""
        self._began = None
        super().on_message_complete()

    def pause_writing(self) -> None:
        """Note when the client stopped reading."""
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        self._unread_since = None
        super().resume_writing()

    def timeout_keep_alive_handler(self) -> None:
        """Close an idle connection, even if its client does not read."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            super().timeout_keep_alive_handler()

    def send_400_response(self, msg: str) -> None:
        """Reject data that is not HTTP."""
        self._refuse(HTTPStatus.BAD_REQUEST, msg)

    def expire(self, *, before: float) -> None:
        """Reject an incomplete request, or a client that does not read, if older than a time.

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
        """Close the connection soon; a request in transit is still answered."""
        self._is_draining = True
        if self._is_idle():
            cycle: RequestResponseCycle | None = self.cycle
            seconds = UNUSED_DRAIN_SECONDS if cycle is None else IDLE_DRAIN_SECONDS
            self.loop.call_later(seconds, self._close_if_idle)
        else:
            super().shutdown()

    def _close_if_idle(self) -> None:
        if self._is_idle() and not self._in_header:
            self._batcher.close()

    def _is_idle(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or cycle.response_complete

    def _awaits_response(self) -> bool:
        cycle: RequestResponseCycle | None = self.cycle
        return self._in_header or cycle is None or not cycle.response_started

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        if self.transport.is_closing():
            return
        # After a response has started, an error response would corrupt it.
        if self._awaits_response() and not self.pipeline:
            body = json.dumps({"error": text}).encode()
            self._batcher.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
                "connection: close\r\n\r\n".encode()
                + body
            )
        self._batcher.close()
