"""Send all writes of one iteration of the event loop in one system call."""

from __future__ import annotations

from asyncio import AbstractEventLoop, Transport


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
