"""Clients that are slow on purpose: they hold connections and send or read almost nothing."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import Counter
from collections.abc import Mapping
from typing import Self

import psutil

from tests.serving.faults import ServingSetup
from tests.serving.load import INFER, Clients
from tests.serving.model_versions import flights, request_of
from tests.serving.processes import Process, until

TICK_S = 0.05
RECEIVE_BYTES = 4096
SENDS = 50


class SlowClients:
    """Slow clients of each kind, driven by one thread.

    `silent` ones send nothing, `head` and `body` ones send a byte at a time, `begun`
    ones send half of a body, and `deaf` ones send requests and read no answer.

    Args:
        port: Port of the server.
        counts: Number of clients of each kind.

    Attributes:
        ended: Number of connections of each kind that the server has closed.
    """

    kinds = ("silent", "head", "body", "begun", "deaf")

    def __init__(self, port: int, *, counts: Mapping[str, int]) -> None:
        self.ended: Counter[str] = Counter()
        self._port = port
        self._counts = counts
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._bother)

    def __enter__(self) -> Self:
        body = json.dumps(request_of(flights(1))).encode()
        head = (
            f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n"
        ).encode()
        self._open = [
            (kind, self._connect(), bytearray(head + body))
            for kind in self.kinds
            for _ in range(self._counts[kind])
        ]
        for kind, connection, rest in self._open:
            if kind == "body":
                connection.sendall(head)
                del rest[: len(head)]
            if kind == "begun":
                connection.sendall(head + body[: len(body) // 2])
        self._asked = head + body
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()
        for _, connection, _ in self._open:
            connection.close()

    def is_there(self) -> bool:
        """Whether any of the connections is still open."""
        return bool(self._open)

    def _connect(self) -> socket.socket:
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BYTES)
        connection.connect(("127.0.0.1", self._port))
        connection.setblocking(False)  # noqa: FBT003
        return connection

    def _bother(self) -> None:
        while not self._stop.wait(TICK_S):
            for one in list(self._open):
                if not self._go_on(*one):
                    self.ended[one[0]] += 1
                    one[1].close()
                    self._open.remove(one)

    def _go_on(self, kind: str, connection: socket.socket, rest: bytearray) -> bool:
        """Send or read the next bytes; whether the connection is still open."""
        try:
            if kind == "deaf":
                with contextlib.suppress(BlockingIOError):
                    for _ in range(SENDS):
                        del rest[: connection.send(rest)]
                        rest += b"" if rest else self._asked
            if kind in {"head", "body"} and rest:
                connection.send(rest[:1])
                del rest[:1]
            if kind != "deaf":
                with contextlib.suppress(BlockingIOError):
                    return bool(connection.recv(RECEIVE_BYTES))
        except OSError:
            return False
        return True


def occupy_connections(
    setup: ServingSetup, *, counts: Mapping[str, int], seconds: float
) -> tuple[Clients, SlowClients, int]:
    """Run slow clients of every kind beside ordinary ones; also the number of open connections."""
    with setup.server() as server, setup.clients() as clients:
        clients.wait_for(100)
        before = _connections(server)
        with SlowClients(setup.port, counts=counts) as slow_clients:
            time.sleep(seconds)
            until(lambda: not slow_clients.is_there(), "every slow client was parted with")
            until(lambda: _connections(server) <= before, "their slots are free")
        clients.wait_for(100)
        return clients, slow_clients, _connections(server) - before


def _connections(server: Process) -> int:
    found = psutil.Process(server.process.pid).net_connections(kind="tcp")
    return sum(one.status == psutil.CONN_ESTABLISHED for one in found)
