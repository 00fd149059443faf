"""Limits of an HTTP connection: time, size and form of a request, and what it holds.

uvicorn limits none of them; it merges trailers into the headers, and loses the body of a request
with `Upgrade`; and when it drains, it closes idle connections, although a request may be in
transit.
"""

from __future__ import annotations

import json
from asyncio import Transport
from collections import deque
from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from typing import Any, cast

import httptools
from uvicorn.protocols.http.flow_control import HIGH_WATER_LIMIT
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from slipway.serving.http.admission import TOO_MANY, Admission, Admitted, Limits, network_of
from slipway.serving.http.auth import is_probe
from slipway.serving.http.host_check import HostCheck
from slipway.serving.http.request_head import (
    HEAD_BYTES,
    BadHead,
    check_head,
    too_large,
)
from slipway.serving.http.write_batcher import WriteBatcher

IDLE_DRAIN_SECONDS = 0.25
UNUSED_DRAIN_SECONDS = 2.0
"""Time for the first request of a connection that was made shortly before draining."""

LINGER_SECONDS = 1.0
"""Time for a rejected client to read the error response."""

CHUNK_BYTES = 16
"""Bytes of framing that each part of a body may have beside three times its own size."""

REFUSED = "refused"
"""Key in the state of a request that was rejected while it arrived: the status."""

UPGRADE = b"upgrade"


def make_protocol(
    admission: Admission | None = None, hosts: HostCheck | None = None
) -> partial[Connection]:
    """Protocol of the connections of one server, which share its limits.

    Args:
        admission: Bounds connections and the bytes of bodies.
        hosts: Accepted host names.
    """
    return partial(
        Connection, admission=admission or Admission(Limits()), hosts=hosts or HostCheck()
    )


class Connection(HttpToolsProtocol):
    """A connection that is closed when a request is too slow, too large or ambiguous.

    Args:
        admission: Bounds connections and bodies of the server.
        hosts: Rejects foreign host names and requests across sites.
        on_made: Called as the connection begins, when a handshake before it ends.
        named: Arguments of uvicorn's protocol.

    Attributes:
        address: Address of the client, by which connections are counted.
        held: Bytes of request bodies that are in memory.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        hosts: HostCheck,
        on_made: Callable[[], None] = lambda: None,
        **named: Any,
    ) -> None:
        super().__init__(**named)
        self._on_made = on_made
        self._admission = admission
        self._hosts = hosts
        self.address = ""
        self.held = 0

    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]
        """Accept the connection unless there are too many."""
        super().connection_made(transport)
        self._batcher = WriteBatcher(transport, self.loop)
        self._in_header = False
        self._framing_bytes = 0
        self._is_draining = False
        self._unread_since: float | None = None
        self._idle_since: float | None = None
        self._held_by_request: deque[int] = deque()
        # The time limit also applies to a client that connects and sends nothing.
        self._began: float | None = self.loop.time()
        self.address = network_of(self.client[0]) if self.client else ""
        self._on_made()
        self._admitted = self._admission.admit(self)
        if self._admitted is Admitted.NO:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, TOO_MANY)

    def connection_lost(self, exc: Exception | None) -> None:
        """Free what the connection held."""
        self._admission.leave(self)
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Receive data; reject it if it is no HTTP, or too much beside the body."""
        self._idle_since = None
        is_first = self._began is None
        if is_first:
            self._began = self.loop.time()
        self._framing_bytes += len(data)
        try:
            self._parse(data)
            if self._framing_bytes > HEAD_BYTES:
                raise too_large()
        except BadHead as error:
            self._refuse(error.status, str(error))
        except httptools.HttpParserError as error:
            # httptools wraps what a callback raises.
            cause = error.__context__
            if not isinstance(cause, BadHead):
                cause = BadHead("the request is not valid HTTP")
            self._refuse(cause.status, str(cause))
        if is_first and self._began is not None and self._is_idle():
            self._admission.wait(self)

    def _parse(self, data: bytes) -> None:
        """Parse data; an upgrade is declined by parsing its head again without `Upgrade`."""
        while True:
            try:
                self.parser.feed_data(data)
            except httptools.HttpParserUpgrade as upgrade:
                data = self._head_without_upgrade() + data[upgrade.args[0] :]
                self.parser = httptools.HttpRequestParser(self)
                self.parser.set_dangerous_leniencies(lenient_data_after_close=True)
            else:
                return

    def _head_without_upgrade(self) -> bytes:
        version = self.parser.get_http_version().encode()
        lines = [b"%s %s HTTP/%s" % (self.parser.get_method(), self.url, version)]
        lines += [b"%s: %s" % pair for pair in self.headers if pair[0] != UPGRADE]
        return b"\r\n".join([*lines, b"", b""])

    def on_message_begin(self) -> None:
        """Start the clock of a request at its first byte."""
        super().on_message_begin()
        self._in_header = True
        self._began = self.loop.time()

    def on_headers_complete(self) -> None:
        """Start the application once the header is complete."""
        parser = self.parser
        if parser.get_method() == b"CONNECT":
            raise BadHead("this server opens no tunnels")
        if parser.should_upgrade():
            return
        version = parser.get_http_version()
        singles = check_head(version, self.url, self.headers, received=self._framing_bytes)
        self._hosts.check(parser.get_method(), singles)
        is_kept = self._admitted is Admitted.YES and not self._is_draining
        if self._admitted is Admitted.PROBES_ONLY and not is_probe(self.url.decode()):
            raise BadHead(TOO_MANY, status=HTTPStatus.SERVICE_UNAVAILABLE)
        self._in_header = False
        super().on_headers_complete()
        self._held_by_request.append(0)
        # Trailers are no headers of the request: they get a list that nothing reads.
        self.headers = []
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.transport = cast(Transport, self._batcher)
            cycle.keep_alive = cycle.keep_alive and is_kept

    def on_body(self, body: bytes) -> None:
        """Keep a part of the body, and count it until the response."""
        self._framing_bytes = max(0, self._framing_bytes - CHUNK_BYTES - 3 * len(body))
        cycle = self.cycle
        if cycle.response_complete:
            return
        cycle.body += body
        if len(cycle.body) > HIGH_WATER_LIMIT:
            self.flow.pause_reading()
        cycle.message_event.set()
        self._held_by_request[-1] += len(body)
        self._admission.hold(self, len(body))

    def on_message_complete(self) -> None:
        """Stop the clock of a request at its last byte."""
        if self._in_header:
            return  # of an upgrade, whose head is parsed again
        self._began = None
        self._framing_bytes = 0
        cycle = self.cycle
        if not cycle.response_complete:
            cycle.more_body = False
            cycle.message_event.set()
            self._admission.work(self)

    def on_response_complete(self) -> None:
        """Free the bytes of the request; start the next one, or wait for it."""
        self.server_state.total_requests += 1
        self._admission.release(self, self._held_by_request.popleft())
        if self.transport.is_closing():
            return
        if self.pipeline:
            # Reading goes on once these are answered: more would be held than one read.
            self._start_asgi_task(*self.pipeline.pop())
        else:
            self.flow.resume_reading()
            # `expire` looks at it: a timer for each request costs more than all checks of its head.
            self._idle_since = self.loop.time()
        if self.cycle.response_complete or self._began is not None:
            self._admission.wait(self)

    def pause_writing(self) -> None:
        """Note when the client stopped reading."""
        self._unread_since = self.loop.time()
        super().pause_writing()

    def resume_writing(self) -> None:
        """Note that the client reads again."""
        self._unread_since = None
        super().resume_writing()

    def evict(self, text: str) -> None:
        """Close the connection in favour of others; 503 if its request has no response yet."""
        if self.transport.get_write_buffer_size():
            self.transport.abort()
        else:
            self._refuse(HTTPStatus.SERVICE_UNAVAILABLE, text)

    def expire(self, *, now: float, request_seconds: float) -> None:
        """Close the connection if its request is late, its client does not read, or it is idle.

        Args:
            now: Time of the event loop.
            request_seconds: Limit on the time that a request takes to arrive.
        """
        before = now - request_seconds
        if self._unread_since is not None and self._unread_since < before:
            self.transport.abort()
        if self._began is not None and self._began < before and not self.pipeline:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request took too long to arrive")
        if self._idle_since is not None and self._idle_since < now - self.timeout_keep_alive:
            if self.transport.get_write_buffer_size():
                self.transport.abort()
            else:
                self.transport.close()

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
        if self._in_header:
            return self._is_idle()
        cycle: RequestResponseCycle | None = self.cycle
        return cycle is None or not cycle.response_started

    def _refuse(self, status: HTTPStatus, text: str) -> None:
        if self.transport.is_closing():
            return
        if not self._is_idle():
            self.cycle.scope["state"][REFUSED] = int(status)
        # After a response has started, an error response would corrupt it.
        if self._awaits_response() and not self.pipeline:
            body = json.dumps({"error": text}).encode()
            retry = "retry-after: 1\r\n" if status == HTTPStatus.SERVICE_UNAVAILABLE else ""
            self._batcher.write(
                f"HTTP/1.1 {status.value} {status.phrase}\r\n"
                f"content-type: application/json\r\ncontent-length: {len(body)}\r\n"
                f"{retry}connection: close\r\n\r\n".encode()
                + body
            )
        self._batcher.close()
        self.loop.call_later(LINGER_SECONDS, self.transport.abort)
