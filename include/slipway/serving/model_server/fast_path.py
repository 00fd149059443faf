"""Small requests answered as soon as their last byte is there: no task, no queue, no framework.

For a small model the way through ASGI costs as much as the answer does. Whatever is unusual about a
request or its connection sends it that way all the same: this one knows the plain case only.
"""

from __future__ import annotations

from asyncio import Transport, get_running_loop
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Protocol

from uvicorn.protocols.http.httptools_impl import STATUS_LINE

from slipway.serving.http.connection import TOO_LATE, Connection

Headers = Mapping[bytes, bytes]
FEW = 2
CLOSE = b"connection: close\r\n"


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer before it travels.

    Attributes:
        status: Its HTTP status.
        headers: What it bears besides the length of its body.
        body: Its body.
    """

    status: int
    headers: Sequence[tuple[bytes, bytes]]
    body: bytes


class Direct(Protocol):
    """What answers requests on the spot."""

    @property
    def targets(self) -> frozenset[bytes]:
        """Request targets that may be answered so, as they stand in the request line."""

    def takes(self, headers: Headers) -> bool:
        """Whether a POST to one of them is answered so."""

    def answer_now(self, target: bytes, headers: Headers, body: bytes) -> Reply:
        """The answer; raises nothing."""

    def missed(self, target: bytes, *, is_late: bool) -> None:
        """A request that it took never arrived as a whole."""


class Outbox:
    """Answers that leave at the end of a turn of the event loop, after all that arrived in it.

    Sending wakes another process, and what is computed right after it is slower for it: eight
    answers and then eight system calls take four fifths of the time of both in turns.
    """

    def __init__(self) -> None:
        self._waiting: list[tuple[Transport, bytes, bool]] = []

    def send(self, transport: Transport, data: bytes, *, is_last: bool) -> None:
        """Send an answer soon.

        Args:
            transport: Over which connection.
            data: All of it.
            is_last: Whether the connection is closed then.
        """
        if not self._waiting:
            get_running_loop().call_soon(self.flush)
        self._waiting.append((transport, data, is_last))

    def flush(self) -> None:
        """Send what waits."""
        waiting, self._waiting = self._waiting, []
        for transport, data, is_last in waiting:
            if not transport.is_closing():
                transport.write(data)
                if is_last:
                    transport.close()


class DirectConnection(Connection):
    """A connection that has plain requests answered on the spot.

    Args:
        direct: Answers them.
        outbox: Sends the answers.
        named: What uvicorn passes on.
    """

    def __init__(self, *, direct: Direct, outbox: Outbox, **named: Any) -> None:
        super().__init__(**named)
        self._direct = direct
        self._outbox = outbox
        self._taken: Headers | None = None
        self._parts: list[bytes] = []

    def on_headers_complete(self) -> None:
        """The head is here: a plain request waits for its body, any other goes to ASGI."""
        if self.url in self._direct.targets and self._is_plain():
            headers = dict(self.headers)
            if self._direct.takes(headers):
                self.in_head = False
                self._taken = headers
                return
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """A piece of the body is here."""
        if self._taken is None:
            super().on_body(body)
        else:
            self._parts.append(body)

    def on_message_complete(self) -> None:
        """All of it is here."""
        if self._taken is None:
            super().on_message_complete()
            return
        self.began = None
        headers, body = self._taken, b"".join(self._parts)
        self._taken = None
        self._parts.clear()
        self._send(self._direct.answer_now(self.url, headers, body))

    def connection_lost(self, exc: Exception | None) -> None:
        """The connection is gone."""
        self._miss(is_late=False)
        super().connection_lost(exc)

    def is_idle(self) -> bool:
        """Whether nothing is being answered."""
        return self._taken is None and super().is_idle()

    def is_owed_answer(self) -> bool:
        """Whether the request under way, or to come, was not answered yet."""
        return self._taken is not None or super().is_owed_answer()

    def late(self) -> None:
        """Refuse the request under way."""
        if self._taken is None:
            super().late()
        else:
            self.refuse(HTTPStatus.REQUEST_TIMEOUT, TOO_LATE)
            self._miss(is_late=True)

    def refuse(self, status: HTTPStatus, text: str) -> None:
        """Say why, after what was answered before, and close the connection."""
        self._outbox.flush()
        super().refuse(status, text)

    def part(self) -> None:
        """Close the connection if nothing is under way."""
        self._outbox.flush()
        super().part()

    def shutdown(self) -> None:
        """Part soon, and not before a request that was begun is answered."""
        if self._taken is None:
            super().shutdown()
        else:
            self.is_parting = True

    def _is_plain(self) -> bool:
        return (
            self.parser.get_method() == b"POST"
            and self.parser.get_http_version() == "1.1"
            and not self.expect_100_continue
            and not self.flow.write_paused
            and not self.transport.is_closing()
            and self.is_idle()
        )

    def _miss(self, *, is_late: bool) -> None:
        if self._taken is not None:
            self._taken = None
            self._direct.missed(self.url, is_late=is_late)

    def _send(self, reply: Reply) -> None:
        is_last = self.is_parting or not self.parser.should_keep_alive()
        lines = [STATUS_LINE[reply.status]]
        for headers in (self.server_state.default_headers, reply.headers):
            lines += [b"%s: %s\r\n" % pair for pair in headers]
        length = b"content-length: %d\r\n" % len(reply.body)
        end = CLOSE + b"\r\n" if is_last else b"\r\n"
        answer = b"".join([*lines, length, end, reply.body])
        self._outbox.send(self.transport, answer, is_last=is_last)
        self.server_state.total_requests += 1
        self.answered_at = self.loop.time()
        if len(self.connections) <= FEW:
            self._outbox.flush()
