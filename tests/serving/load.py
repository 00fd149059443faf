"""Clients that send requests without a pause and record every acknowledgement."""

from __future__ import annotations

import contextlib
import http.client
import io
import json
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Self
from urllib.parse import urlsplit
from uuid import uuid4

import pyarrow.parquet as pq

from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.processes import until

INFER = f"/v2/models/{MODEL}/infer"
PAUSE_S = 0.02
"""How long a client waits after a failure, so that an outage does not become a busy loop."""


@dataclass
class Clients:
    """Client threads, each with its own connection; every request has an id of its own.

    Args:
        url: Root URL of a server or a platform.
        count: Number of clients.
        body: Body of each request; one made-up flight if not given.
        headers: Further headers.
        path: Path of the URL.

    Attributes:
        acknowledged: Seconds from a request's first byte to the last of its 200, by request id.
        statuses: Number of answers by other status.
        unreached: Number of refused connections.
        cut: Ids of requests without an answer.
    """

    url: str
    count: int = 4
    body: Mapping[str, Any] = field(default_factory=lambda: request_of(flights(1)))
    headers: Mapping[str, str] = field(default_factory=dict)
    path: str = INFER
    acknowledged: dict[str, float] = field(default_factory=dict)
    statuses: Counter[int] = field(default_factory=Counter)
    unreached: int = 0
    cut: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._address = urlsplit(self.url).netloc
        self._rest = json.dumps(dict(self.body)).encode()[1:]
        self._stop = threading.Event()
        self._lock = threading.Lock()
        self._threads = [threading.Thread(target=self._ask) for _ in range(self.count)]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stop after each client's current request."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int, *, within_s: float = 90) -> None:
        """Wait for a number of further acknowledgements."""
        goal = len(self.acknowledged) + more
        until(
            lambda: len(self.acknowledged) >= goal,
            f"{more} more requests are acknowledged; {self}",
            within_s=within_s,
        )

    def add(self, other: Clients) -> None:
        """Add the counts of other clients."""
        self.acknowledged |= other.acknowledged
        self.statuses += other.statuses
        self.unreached += other.unreached
        self.cut += other.cut

    def __str__(self) -> str:
        return (
            f"{len(self.acknowledged)} acknowledged, other statuses {dict(self.statuses)}, "
            f"{self.unreached} unreached, {len(self.cut)} cut"
        )

    def percentile_s(self, share: float) -> float:
        """Latency in seconds within which a share of acknowledged requests was answered."""
        seconds = sorted(self.acknowledged.values())
        return seconds[min(len(seconds) - 1, int(share * len(seconds)))]

    def _ask(self) -> None:
        stem, number = uuid4().hex[:16], 0
        connection = http.client.HTTPConnection(self._address, timeout=90)
        while not self._stop.is_set():
            number += 1
            if not self._ask_once(connection, f"{stem}-{number}"):
                connection.close()
                self._stop.wait(PAUSE_S)
        connection.close()

    def _ask_once(self, connection: http.client.HTTPConnection, request_id: str) -> bool:
        """Send one request; whether the connection can be used again."""
        try:
            if connection.sock is None:
                connection.connect()
        except OSError:
            with self._lock:
                self.unreached += 1
            return False
        began = time.monotonic()
        try:
            body = b'{"id":"%s",' % request_id.encode() + self._rest
            connection.request("POST", self.path, body, {**self.headers})
            reply = connection.getresponse()
            reply.read()
        except (OSError, http.client.HTTPException):
            self.cut.append(request_id)
            return False
        if reply.status == HTTPStatus.OK:
            self.acknowledged[request_id] = time.monotonic() - began
            return True
        with self._lock:
            self.statuses[reply.status] += 1
        return False


def stored(store_root: str, *, model: str = MODEL) -> Counter[str]:
    """Number of rows in the store's prediction log by request id, repeats included."""
    store = open_store(store_root)
    counts: Counter[str] = Counter()
    for entry in store.list(f"predictions/{model}"):
        file = io.BytesIO(store.read(entry.key))
        counts.update(pq.read_table(file, columns=["request_id"])["request_id"].to_pylist())
    return counts


@dataclass(frozen=True)
class Loss:
    """Comparison of acknowledged and stored requests of one row each.

    Attributes:
        acknowledged: Number of acknowledged requests.
        stored: Rows in the store, also of requests that were cut.
        lost: Acknowledged ids without a row.
        repeated: Ids that a reader of the log counts more than once. A server that is killed
            between log and reply leaves an id to the server that answers instead; the
            reader counts both as one.
    """

    acknowledged: int
    stored: int
    lost: frozenset[str]
    repeated: frozenset[str]

    @classmethod
    def of(cls, acknowledged: Mapping[str, object], store_root: str) -> Self:
        """Compare acknowledged requests with the rows in the store."""
        counts = stored(store_root)
        return cls(
            acknowledged=len(acknowledged),
            stored=counts.total(),
            lost=frozenset(acknowledged.keys() - counts.keys()),
            repeated=frozenset(_counted_twice(store_root) if counts.total() > len(counts) else ()),
        )

    def __str__(self) -> str:
        return (
            f"{self.acknowledged} acknowledged, {self.stored} in the store, "
            f"{len(self.lost)} lost, {len(self.repeated)} repeated"
        )


def _counted_twice(store_root: str) -> list[str]:
    read = PredictionLog(open_store(store_root)).read(MODEL, columns=["key"])
    ids: list[str] = read["request_id"][read["request_id"].duplicated()].tolist()
    return ids


def is_shipped(acknowledged: Mapping[str, object], store_root: str) -> bool:
    """Whether the store holds every acknowledged request."""
    with contextlib.suppress(OSError):
        return not Loss.of(acknowledged, store_root).lost
    return False
