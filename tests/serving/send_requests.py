"""A sender of fuzzed requests that checks every answer."""

from __future__ import annotations

import re
import socket
from collections import Counter
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from tests.serving.fuzzing import INFER, MARKS, FuzzRequest, fuzz_requests
from tests.serving.model_versions import flights, request_of
from tests.serving.processes import Process


@dataclass
class FuzzRun:
    """A run of fuzzed requests against one server.

    Attributes:
        port: Port of the server on loopback.
        counts: Requests by kind and status; 0 for no answer where none is expected.
        faults: Descriptions of wrong behaviour.
    """

    port: int
    counts: Counter[tuple[str, int]] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)
    _kept: socket.socket | None = None

    def fire(self, fuzzed: FuzzRequest) -> None:
        """Send a request and check every answer to it."""
        replies = self._alone(fuzzed) if fuzzed.alone else [self._together(fuzzed)]
        if fuzzed.owed and not replies:
            self.faults.append(f"no answer to {fuzzed.kind} {fuzzed.data!r}")
        for status, text in replies or [(0, b"")]:
            self.counts[fuzzed.kind, status] += 1
            is_bad = status >= 500 or (status >= 400 and any(mark in text for mark in MARKS))
            if is_bad or (status == 0 and fuzzed.owed):
                self.faults.append(f"{status} {text!r} to {fuzzed.kind} {fuzzed.data!r}")

    def table(self) -> str:
        """Requests by kind and status."""
        kinds = sorted({kind for kind, _ in self.counts})
        lines = [
            f"{kind:>10}: "
            + ", ".join(
                f"{n} of {status}" for (k, status), n in sorted(self.counts.items()) if k == kind
            )
            for kind in kinds
        ]
        return "\n".join(lines)

    def close(self) -> None:
        """Close the kept connection."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    def _connect(self) -> socket.socket:
        return socket.create_connection(("127.0.0.1", self.port), timeout=20)

    def _together(self, fuzzed: FuzzRequest) -> tuple[int, bytes]:
        """The answer to a complete HTTP request over a kept connection."""
        if self._kept is None:
            self._kept = self._connect()
        self._kept.sendall(fuzzed.data)
        text = b""
        while not (end := text.find(b"\r\n\r\n") + 4) - 4 >= 0 or len(text) < end + _length(text):
            chunk = self._kept.recv(1 << 16)
            if not chunk:
                self.close()
                return 0, text
            text += chunk
        if b"\r\nconnection: close" in text[:end].lower():
            self.close()
        return int(text[9:12]), text

    def _alone(self, fuzzed: FuzzRequest) -> list[tuple[int, bytes]]:
        """All answers until the server closes, or soon where it may wait for more bytes."""
        text = b""
        with self._connect() as connection:
            try:
                connection.sendall(fuzzed.data)
                if not fuzzed.owed:
                    connection.settimeout(0.02)
                while chunk := connection.recv(1 << 16):
                    text += chunk
            except ConnectionError:
                pass
            except TimeoutError:
                if fuzzed.owed:
                    return []
        parts = re.split(rb"(?=HTTP/1\.1 \d{3} )", text)
        return [(int(part[9:12]), part) for part in parts if part]


def send_fuzz_requests(server: Process, count: int, *, seed: int) -> FuzzRun:
    """Results of a number of fuzzed requests."""
    fired = FuzzRun(int(server.url.rpartition(":")[2]))
    with closing(fired):
        for fuzzed in islice(fuzz_requests(seed), count):
            fired.fire(fuzzed)
    return fired


def scores_of(server: Process) -> list[float]:
    """The scores for a valid request."""
    reply = server.ask("POST", INFER, json=request_of(flights(3)), timeout=30)
    scores: list[float] = reply.json()["outputs"][0]["data"]
    return scores


def _length(text: bytes) -> int:
    found = re.search(rb"\r\ncontent-length: (\d+)", text, re.IGNORECASE)
    return int(found[1]) if found else 0
