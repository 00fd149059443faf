"""Clients that ask without a pause and know exactly what they were promised."""

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
    """Some clients, each a thread with a connection of its own; every request has its own id.

    Args:
        url: Root of a server or a platform.
        count: How many.
        body: What they ask; one made-up flight if not given.
        headers: What they send beside it.
        path: Where they ask.

    Attributes:
        acknowledged: Seconds from a request's first byte to the last of its 200, by request id.
        statuses: How often each other status was answered.
        unreached: How often there was nothing to connect to.
        cut: Ids of requests that were sent and never answered.
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
        """Let every client finish what it asks now."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def wait_for(self, more: int, *, within_s: float = 90) -> None:
        """Until so many more requests were acknowledged."""
        goal = len(self.acknowledged) + more
        until(
            lambda: len(self.acknowledged) >= goal,
            f"{more} more requests are acknowledged; {self}",
            within_s=within_s,
        )

    def add(self, other: Clients) -> None:
        """Count what other clients saw as well."""
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
        """Within how many seconds that share of acknowledged requests was answered."""
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
        """Whether the connection can be used again."""
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
    """How many rows the store's prediction log holds of each request, repeats included."""
    store = open_store(store_root)
    counts: Counter[str] = Counter()
    for entry in store.list(f"predictions/{model}"):
        file = io.BytesIO(store.read(entry.key))
        counts.update(pq.read_table(file, columns=["request_id"])["request_id"].to_pylist())
    return counts


@dataclass(frozen=True)
class Loss:
    """What became of acknowledged requests of one row each.

    Attributes:
        acknowledged: How many there were.
        stored: Rows in the store, of requests that were answered and those that were cut.
        lost: Ids that are not there.
        repeated: Ids that whoever reads the log counts more than once. A server that is killed
            between its log and its reply leaves an id to the one that answers in its place; the
            reader counts that once.
    """

    acknowledged: int
    stored: int
    lost: frozenset[str]
    repeated: frozenset[str]

    @classmethod
    def of(cls, acknowledged: Mapping[str, object], store_root: str) -> Self:
        """Compare what clients were promised with what the store holds."""
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
    """Whether the store holds every acknowledged request by now."""
    with contextlib.suppress(OSError):
        return not Loss.of(acknowledged, store_root).lost
    return False
