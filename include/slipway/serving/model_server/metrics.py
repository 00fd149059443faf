"""What Prometheus sees of one model server."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 10)
ROWS = (1, 2, 5, 10, 25, 50, 100, 250, 1000, 5000, 20_000)
LABELS = ("model", "version")


class Metrics:
    """The figures of one server, in a registry of their own.

    Args:
        model: Name of the model served.
        version: Its version.
    """

    def __init__(self, model: str, version: int) -> None:
        self._registry = CollectorRegistry()
        self._identity = (model, str(version))
        self._requests = self._counter("requests", "Infer requests by status.", "status")
        self._by_status: dict[int, Counter] = {}
        self._seconds = Histogram(
            "slipway_request_seconds",
            "From the last byte of a request to its answer.",
            LABELS,
            registry=self._registry,
            buckets=SECONDS,
        ).labels(*self._identity)
        self.batch_rows = Histogram(
            "slipway_batch_rows",
            "Rows that the model scored at once.",
            LABELS,
            registry=self._registry,
            buckets=ROWS,
        ).labels(*self._identity)
        failures = self._counter("auth_failures", "Requests without a token that is known.")
        self.auth_failures = failures.labels(*self._identity)
        self._out_of_range = self._counter(
            "out_of_range_inputs", "Values that training never saw, by column.", "column"
        )

    def count(self, status: int, seconds: float) -> None:
        """An infer request was answered.

        Args:
            status: With what.
            seconds: How long that took since its last byte.
        """
        counter = self._by_status.get(status)
        if counter is None:
            counter = self._requests.labels(*self._identity, str(status))
            self._by_status[status] = counter
        counter.inc()
        self._seconds.observe(seconds)

    def watch(self, name: str, text: str, value: Callable[[], float]) -> None:
        """Show a figure that is looked up whenever Prometheus asks."""
        self._gauge(name, text).labels(*self._identity).set_function(value)

    def describe(self, engine: str, manifest: Mapping[str, Any]) -> None:
        """Show what is known of the version that was loaded.

        Args:
            engine: What scores.
            manifest: Of the version.
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
            text = "Event time of the newest data that the model learnt from."
            gauge = self._gauge("model_as_of_timestamp_seconds", text)
            gauge.labels(*self._identity).set(as_of.replace(tzinfo=as_of.tzinfo or UTC).timestamp())

    def out_of_range(self, columns: Sequence[str]) -> list[Counter]:
        """A counter by column."""
        return [self._out_of_range.labels(*self._identity, name) for name in columns]

    def exposition(self) -> bytes:
        """Everything, as Prometheus reads it."""
        return generate_latest(self._registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"slipway_{name}", text, (*LABELS, *labels), registry=self._registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"slipway_{name}", text, (*LABELS, *labels), registry=self._registry)
