"""Prometheus metrics of the platform, and the scrape targets of its servers."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sized
from typing import Any

from prometheus_client import CollectorRegistry, Counter, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from slipway.serving.http.auth import REFUSALS, Refusal
from slipway.serving.platform.proxy.traffic import Traffic

LABELS = ("model", "version")


class PlatformMetrics:
    """Metrics of the platform, in their own registry.

    Args:
        models: Traffic by model; its state is read at each scrape.
        forged: Returns the desired states that no rollout wrote, by model.
    """

    def __init__(
        self,
        models: Mapping[str, Traffic],
        *,
        forged: Callable[[], Mapping[str, Sized]] = dict,
    ) -> None:
        self._registry = CollectorRegistry()
        self._refused: dict[tuple[str, Refusal], int] = {}
        self._registry.register(_State(models, self._refused, forged))
        self._requests = Counter(
            "slipway_platform_requests",
            "Infer requests sent to a version, by outcome.",
            (*LABELS, "outcome"),
            registry=self._registry,
        )
        self._by_label: dict[tuple[str, int, bool], Counter] = {}

    def count(self, model: str, version: int, *, is_failed: bool) -> None:
        """Count an infer request sent to a version.

        Args:
            model: Its name.
            version: Its number.
            is_failed: Whether it gave no response or a server error.
        """
        label = (model, version, is_failed)
        counter = self._by_label.get(label)
        if counter is None:
            outcome = "failed" if is_failed else "answered"
            counter = self._requests.labels(model, str(version), outcome)
            self._by_label[label] = counter
        counter.inc()

    def count_refused(self, model: str, reason: Refusal) -> None:
        """Count a request without a known token.

        Args:
            model: Served model that its path names; empty: none.
            reason: Why it is refused.
        """
        self._refused[model, reason] = self._refused.get((model, reason), 0) + 1

    def exposition(self) -> bytes:
        """All metrics in Prometheus' text format."""
        return generate_latest(self._registry)


def targets(models: Mapping[str, Traffic]) -> list[dict[str, Any]]:
    """Running servers as targets for Prometheus' HTTP service discovery.

    Their metrics already carry model and version as labels.
    """
    return [
        {
            "targets": [f"127.0.0.1:{server.port}"],
            "labels": {"__meta_slipway_model": model, "__meta_slipway_version": str(version)},
        }
        for model, traffic in sorted(models.items())
        for version, server in sorted(traffic.servers.items())
        if server.pid is not None and server.port is not None
    ]


class _State(Collector):
    """Weights, readiness, restarts, refused requests and forged states, read at each scrape."""

    def __init__(
        self,
        models: Mapping[str, Traffic],
        refused: Mapping[tuple[str, Refusal], int],
        forged: Callable[[], Mapping[str, Sized]],
    ) -> None:
        self._models = models
        self._refused = refused
        self._forged = forged

    def collect(self) -> Iterator[Metric]:
        """Metric families with current values."""
        weight = GaugeMetricFamily(
            "slipway_platform_weight", "Share of the requests, from 0 to 1.", labels=LABELS
        )
        ready = GaugeMetricFamily(
            "slipway_platform_server_ready",
            "1 if the server of the version is ready.",
            labels=LABELS,
        )
        restarts = CounterMetricFamily(
            "slipway_platform_server_restarts", "Restarts of the version's server.", labels=LABELS
        )
        for model, traffic in self._models.items():
            total = sum(traffic.weights.values()) or 1.0
            for version, server in traffic.servers.items():
                label = (model, str(version))
                weight.add_metric(label, traffic.weights.get(version, 0.0) / total)
                ready.add_metric(label, float(server.ready))
                restarts.add_metric(label, server.restarts)
        failures = CounterMetricFamily(
            "slipway_platform_auth_failures",
            "Requests without a known token, by the model that their path names.",
            labels=("model", "reason"),
        )
        # From zero: a counter that appears with its first requests hides them from `increase`.
        for model in ("", *self._models):
            for reason in REFUSALS:
                failures.add_metric((model, reason), self._refused.get((model, reason), 0))
        states = GaugeMetricFamily(
            "slipway_platform_forged_states",
            "Newer desired states in the store that no rollout wrote, and that are not followed.",
            labels=("model",),
        )
        forged = self._forged()
        for model in {*self._models, *forged}:
            states.add_metric((model,), len(forged.get(model, ())))
        yield from (weight, ready, restarts, failures, states)
