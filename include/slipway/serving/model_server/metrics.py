"""Prometheus metrics of one model server."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    generate_latest,
)

from slipway.serving.http.auth import REFUSALS, Refusal

SECONDS = (
    *(0.0005, 0.001, 0.0015, 0.002, 0.003, 0.005, 0.007),
    *(0.01, 0.015, 0.02, 0.03, 0.05, 0.07),
    *(0.1, 0.15, 0.2, 0.25, 0.3, 0.5, 0.7),
    *(1, 1.5, 2, 3, 5, 10),
)
"""Upper bounds of latency buckets; narrow, because a rollout reads the p99 from them."""
ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 20_000)
LABELS = ("model", "version")
BY_MODEL, BY_VERSION = "model", "version"
INSTANCE_BYTES = 6
STATUSES = (200, 400, 408, 413, 415, 422, 499, 500, 503)
"""Counted from zero: a counter that appears with its first requests hides them from `increase`."""


class Metrics:
    """Metrics of one server, in their own registry.

    Args:
        model: Name of the model served.
        version: Its version.
    """

    def __init__(self, model: str, version: int) -> None:
        self._registry = CollectorRegistry()
        self._identity = (model, str(version))
        ProcessCollector(registry=self._registry)
        # Counters start at zero with each start of the server; sums over time must detect that.
        instance = self._gauge(
            "server_instance_info", "Random id of this start of the server.", "instance"
        )
        instance.labels(*self._identity, secrets.token_hex(INSTANCE_BYTES)).set(1)
        self._requests = self._counter(
            "requests",
            "Infer requests by status, and by whether their path names the model or this version.",
            "status",
            "asked",
        )
        for status in STATUSES:
            self._requests.labels(*self._identity, str(status), BY_MODEL)
        self._seconds = Histogram(
            "slipway_request_seconds",
            "Seconds from the last byte of a request to its response.",
            (*LABELS, "status", "asked"),
            registry=self._registry,
            buckets=SECONDS,
        )
        self._by_label: dict[tuple[int, bool], tuple[Counter, Histogram]] = {}
        self.batch_rows = Histogram(
            "slipway_batch_rows",
            "Rows that the model scored in one call.",
            LABELS,
            registry=self._registry,
            buckets=ROWS,
        ).labels(*self._identity)
        failures = self._counter("auth_failures", "Requests without a known token.", "reason")
        self._refused = {reason: failures.labels(*self._identity, reason) for reason in REFUSALS}
        self._clients = self._counter(
            "client_requests", "Infer requests by the client whose token they bear.", "client"
        )
        self._by_client: dict[str, Counter] = {}
        without_key = self._counter(
            "rows_without_key", "Rows of clients that have no key, so that no label is joined."
        )
        self.rows_without_key = without_key.labels(*self._identity)
        self._out_of_range = self._counter(
            "out_of_range_inputs",
            "Values outside the ranges seen in training, by column.",
            "column",
        )

    def count(self, status: int, seconds: float | None, *, is_pinned: bool) -> None:
        """Count an answered infer request.

        Args:
            status: Status of the response.
            seconds: Time since the last byte of the request; None of an explained one, whose
                latency is not that of the model.
            is_pinned: Whether its path names this version, as a rollout's checks do, rather than
                the model.
        """
        found = self._by_label.get((status, is_pinned))
        if found is None:
            labels = (*self._identity, str(status), BY_VERSION if is_pinned else BY_MODEL)
            found = self._requests.labels(*labels), self._seconds.labels(*labels)
            self._by_label[status, is_pinned] = found
        counter, histogram = found
        counter.inc()
        if seconds is not None:
            histogram.observe(seconds)

    def count_refused(self, reason: Refusal) -> None:
        """Count a request without a known token."""
        self._refused[reason].inc()

    def count_client(self, client: str) -> None:
        """Count an infer request of a client, by its name in the tokens file."""
        counter = self._by_client.get(client)
        if counter is None:
            counter = self._by_client[client] = self._clients.labels(*self._identity, client)
        counter.inc()

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Expose a gauge that is evaluated at each scrape."""
        self._gauge(name, text).labels(*self._identity).set_function(value)

    def describe(self, engine: str, manifest: Mapping[str, Any]) -> None:
        """Expose facts about the loaded version.

        Args:
            engine: Name of its engine.
            manifest: Its manifest.
        """
        gauge = self._gauge("engine", "The engine that scores.", "engine")
        gauge.labels(*self._identity, engine).set(1)
        parity = (manifest.get("engine") or {}).get("parity") or {}
        if "max_difference" in parity:
            text = "Largest difference between the ONNX form and the pipeline, at registration."
            gauge = self._gauge("parity_max_difference", text)
            gauge.labels(*self._identity).set(parity["max_difference"])
        if manifest.get("as_of"):
            as_of = datetime.fromisoformat(manifest["as_of"])
            text = "Event time of the newest training data."
            gauge = self._gauge("model_as_of_timestamp_seconds", text)
            gauge.labels(*self._identity).set(as_of.replace(tzinfo=as_of.tzinfo or UTC).timestamp())

    def out_of_range(self, columns: Sequence[str]) -> list[Counter]:
        """Counters of out-of-range values by column."""
        return [self._out_of_range.labels(*self._identity, name) for name in columns]

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"slipway_{name}", text, (*LABELS, *labels), registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"slipway_{name}", text, (*LABELS, *labels), registry=self._registry)
