"""The double of kube-proxy: a Service's address forwards connections to ready pods."""

from __future__ import annotations

import asyncio
import contextlib
import random
import socket
import struct
from collections.abc import Sequence
from dataclasses import dataclass

CONNECT_WITHIN_S = 5
# Closing with this option sends RST, as a kernel without the connection does.
RESET = struct.pack("ii", 1, 0)


@dataclass(frozen=True)
class Endpoint:
    """Address of a ready pod.

    Args:
        address: Address of the pod.
        port: Port of the container.
    """

    address: str
    port: int


class Forwarder:
    """One port of one Service; refuses connections without a ready endpoint.

    Args:
        address: The Service's ClusterIP.
        port: The Service's port.
    """

    def __init__(self, address: str, port: int) -> None:
        self._address = address
        self._port = port
        self._endpoints: tuple[Endpoint, ...] = ()
        self._server: asyncio.Server | None = None
        self._connections: set[asyncio.Task[None]] = set()

    async def use(self, endpoints: Sequence[Endpoint]) -> None:
        """Forward new connections to these endpoints; open ones stay."""
        self._endpoints = tuple(endpoints)
        if self._endpoints and self._server is None:
            self._server = await asyncio.start_server(
                self._accept, self._address, self._port, backlog=512
            )
        elif not self._endpoints and self._server is not None:
            self._server.close()
            self._server = None

    async def close(self) -> None:
        """Refuse new connections and cut open ones."""
        await self.use(())
        for task in self._connections:
            task.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._connections.add(task)
            task.add_done_callback(self._connections.discard)
        # Shut-down cancels it, and the server's own callback would log that.
        with contextlib.suppress(asyncio.CancelledError):
            await self._forward(reader, writer)

    async def _forward(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._endpoints:
            return reset(writer)
        chosen = random.choice(self._endpoints)
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                theirs, ours = await asyncio.open_connection(chosen.address, chosen.port)
        except OSError:
            return reset(writer)
        try:
            await asyncio.gather(_copy(reader, ours), _copy(theirs, writer))
        except OSError:
            reset(ours)
            reset(writer)
        finally:
            ours.close()
            writer.close()
        return None


async def _copy(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(65536):
        sink.write(data)
        await sink.drain()
    with contextlib.suppress(OSError):
        sink.write_eof()


def reset(writer: asyncio.StreamWriter) -> None:
    """Reset a connection."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
    writer.close()
