"""Operations of windows as a real Prometheus tells them, whose past promtool wrote."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.prometheus import open_history
from slipway.errors import BadParameter
from slipway.records import ledger
from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.settings import Settings
from slipway.spec.operations import Operations
from slipway.stages.monitor.operations.measure_operations import measure_operations
from slipway.stages.ports.metric_history import ALL_CLIENTS
from slipway.wiring.container import Container
from slipway.wiring.stage_table import run_stage
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MonitoringRegistry
from tests.support import ferry_dataset
from tests.support.prometheus import Past, running_prometheus, write_past

START = datetime(2013, 5, 6, 13, tzinfo=UTC)
HOUR = timedelta(hours=1)
UP = ("up", {"job": "slipway-servers", "instance": "a:1"})


def counted(per_minute: float, *, since: float = 0.0) -> Callable[[float], float]:
    """A counter that grows, from a moment on."""
    return lambda seconds: round(max(0.0, seconds - since) * per_minute / 60, 3)


def restarted(per_minute: float, *, at: float) -> Callable[[float], float]:
    """A counter that begins anew."""
    return lambda seconds: round((seconds if seconds < at else seconds - at) * per_minute / 60, 3)


def constant(value: float) -> Callable[[float], float]:
    """A gauge that stays."""
    return lambda _seconds: value


class Servers:
    """Metrics of servers by model, as they were scraped."""

    def __init__(self) -> None:
        self.series: list[Past] = []

    def add(
        self,
        model: str,
        metric: str,
        value: Callable[[float], float],
        *,
        start: datetime = START,
        length: timedelta = HOUR,
        **labels: str,
    ) -> None:
        """Add a series of version 3."""
        own = {"model": model, "version": "3", **labels}
        self.series.append(Past(f"slipway_{metric}", own, start, start + length, value))

    def serve(
        self,
        model: str,
        *,
        start: datetime = START,
        length: timedelta = HOUR,
        good: Callable[[float], float] | None = None,
        slow: float = 0.0,
        ready: float = 1.0,
    ) -> None:
        """Add a server that answers 40 requests a minute, or otherwise.

        Args:
            model: Name of the model.
            start: First scrape.
            length: How long it is scraped.
            good: Counter of its answers.
            slow: Requests a minute that take up to a second, rather than 10 ms.
            ready: Readiness.
        """
        when: dict[str, Any] = {"start": start, "length": length}
        good = good or counted(40)
        self.add(model, "ready", constant(ready), **when)
        asked = {"asked": "model"}
        self.add(model, "requests_total", good, status="200", **asked, **when)
        for le, count in (
            ("0.01", lambda s: good(s) - slow * s / 60),
            ("1.0", good),
            ("+Inf", good),
        ):
            self.add(model, "request_seconds_bucket", count, status="200", le=le, **asked, **when)


def past() -> list[Past]:
    """Servers of an hour, healthy or not, and of another one of which half is missing."""
    servers = Servers()
    up_until = START + 1.5 * HOUR
    servers.series.append(Past(*UP, START, up_until, constant(1)))
    servers.serve("healthy")
    servers.serve("half", start=START + HOUR, length=HOUR / 2)
    servers.serve("reset", good=restarted(40, at=1800))
    servers.serve("gone", length=HOUR * 0.75)
    servers.serve("nan", good=constant(math.nan), ready=math.nan)
    servers.serve("slow", slow=2)
    servers.serve("failing")
    servers.add("failing", "requests_total", counted(10), status="503", asked="model")
    servers.add("failing", "requests_total", counted(900), status="503", asked="version")
    servers.add("failing", "platform_server_restarts_total", lambda s: 2.0 if s > 900 else 0.0)
    servers.add("failing", "log_unshipped_seconds", lambda s: 900.0 if 600 <= s < 660 else 3.0)
    servers.serve("guessed")
    servers.add("guessed", "auth_failures_total", counted(10), reason="missing")
    servers.add("guessed", "platform_auth_failures_total", counted(30), reason="unknown")
    servers.add("guessed", "requests_total", counted(10), status="422", asked="model")
    servers.add("guessed", "requests_total", counted(10), status="499", asked="model")
    servers.add("guessed", "batch_rows_sum", counted(40))
    servers.add("guessed", "out_of_range_inputs_total", counted(8), column="wind")
    servers.add("guessed", "out_of_range_inputs_total", counted(1), column="port")
    burst = lambda s: s * 20 / 60 + 25 * min(60.0, max(0.0, s - 1800))  # noqa: E731
    servers.serve("burst", good=lambda s: s * 20 / 60 + burst(s))
    servers.add("burst", "client_requests_total", counted(20), client="shop")
    servers.add("burst", "client_requests_total", burst, client="web")
    for name in ("healthy", "failing"):
        more = {"namespace": "test"}
        servers.add(name, "requests_total", counted(500), status="500", asked="model", **more)
    return servers.series


class Monitor:
    """Measures windows by a Prometheus."""

    def __init__(self, url: str) -> None:
        self.url = url

    def measure(self, model: str, *, hour: int = 13, **limits: Any) -> Verdict:
        """The verdict on version 3 of a model in an hour."""
        spec = ferry_dataset.model(monitoring={"window": "hour", "operations": {}})
        asked = spec.monitoring.model_copy(update={"operations": Operations(**limits)})
        spec = spec.model_copy(update={"monitoring": asked, "model": model})
        history = open_history(self.url, matchers='namespace=""')
        context = RunContext(MemoryStore(), {})
        window = f"2013-05-06T{hour}-v3"
        return measure_operations(spec, window=window, context=context, history=history).verdict


@pytest.fixture(scope="module")
def monitor(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Monitor]:
    """A monitor with one Prometheus for all tests."""
    folder = tmp_path_factory.mktemp("prometheus")
    with running_prometheus(write_past(past(), folder), folder) as url:
        yield Monitor(url)


def test_a_healthy_hour_is_within_its_limits(monitor: Monitor) -> None:
    """Requests of another installation, which the matchers leave out, are not counted."""
    limits = {"min_availability": 0.99, "max_error_rate": 0.01, "max_p99_ms": 10.0}
    verdict = monitor.measure("healthy", max_restarts=0, **limits)
    assert verdict.action == "ok", verdict.reason
    assert verdict.numbers["coverage"] == verdict.numbers["availability"] == 1
    assert verdict.numbers["error_rate"] == verdict.numbers["restarts"] == 0
    assert verdict.numbers["requests"] == pytest.approx(2400, rel=0.02)
    assert verdict.numbers["requests_per_minute"] == pytest.approx(40, rel=0.02)
    assert verdict.numbers["p99_ms"] == 10
    assert "100.00% of the window are known" in verdict.reason


def test_failures_restarts_and_lag_are_found(monitor: Monitor) -> None:
    """A rollout's own requests, which name the version, are not counted."""
    limits = {"max_error_rate": 0.05, "max_restarts": 1, "max_unshipped_seconds": 600.0}
    verdict = monitor.measure("failing", **limits)
    assert verdict.action == "degraded"
    assert verdict.numbers["error_rate"] == pytest.approx(0.2, abs=0.005)
    assert verdict.numbers["restarts"] == 2
    assert verdict.numbers["unshipped_seconds"] == 900
    for text in ("% of requests failed (limit 5.00%)", "restarted 2 times", "waited up to 900 s"):
        assert text in verdict.reason


def test_a_slow_answer_in_twenty_shows(monitor: Monitor) -> None:
    """The bound of the bucket of the 99th percentile is reported."""
    verdict = monitor.measure("slow", max_p99_ms=500.0)
    assert verdict.action == "degraded"
    assert verdict.numbers["p99_ms"] == 1000


def test_a_reset_of_the_counters_loses_nothing(monitor: Monitor) -> None:
    """A server that began anew in the middle is a restart, and its requests add up."""
    verdict = monitor.measure("reset")
    assert verdict.numbers["requests"] == pytest.approx(2400, rel=0.03)
    assert verdict.numbers["restarts"] == 1
    assert verdict.numbers["error_rate"] == 0


def test_half_a_window_is_inconclusive(monitor: Monitor) -> None:
    """The verdict tells how much of it was scraped."""
    verdict = monitor.measure("half", hour=14)
    assert verdict.action == "inconclusive"
    assert verdict.numbers["coverage"] == 0.5
    assert "Prometheus knows 50.00% of the window (90.00% are needed)" in verdict.reason
    assert monitor.measure("half", hour=14, min_coverage=0.5).action == "ok"


def test_a_server_that_went_away_was_not_available(monitor: Monitor) -> None:
    """Prometheus scraped on and saw no version of the model: that is no gap of its own."""
    verdict = monitor.measure("gone", min_availability=0.99)
    assert verdict.action == "degraded"
    assert verdict.numbers["availability"] == pytest.approx(0.75, abs=0.01)
    assert verdict.numbers["coverage"] == 1


@pytest.mark.parametrize("model", ["nan", "unknown"])
def test_values_that_are_none_are_not_known(monitor: Monitor, model: str) -> None:
    """NaN, and a model that never served."""
    verdict = monitor.measure(model, max_error_rate=0.01)
    assert verdict.action == "inconclusive"
    assert verdict.numbers["error_rate"] is None
    assert "Prometheus has seen no server of the version" in verdict.reason


def test_a_window_that_prometheus_does_not_keep_is_inconclusive(monitor: Monitor) -> None:
    """As one of years ago is."""
    verdict = monitor.measure("healthy", hour=20)
    assert verdict.action == "inconclusive"
    assert verdict.numbers["coverage"] == 0


def test_refused_malformed_and_odd_requests_are_shares(monitor: Monitor) -> None:
    """Of the worst column; a client that hangs up sent nothing malformed."""
    limits = {"max_refused_rate": 0.4, "max_malformed_rate": 0.1, "max_out_of_range_rate": 0.1}
    verdict = monitor.measure("guessed", **limits)
    assert verdict.action == "degraded"
    assert verdict.numbers["refused_rate"] == pytest.approx(40 / 90, abs=0.01)
    assert verdict.numbers["malformed_rate"] == pytest.approx(0.2, abs=0.01)
    assert verdict.numbers["out_of_range_rate"] == pytest.approx(0.2, abs=0.01)
    assert "values that training never saw of wind" in verdict.reason


def test_a_burst_of_one_client_is_found(monitor: Monitor) -> None:
    """Its largest minute against its usual one."""
    verdict = monitor.measure("burst", max_burst=20.0)
    assert verdict.action == "degraded"
    assert verdict.numbers["client"] == "web"
    assert verdict.numbers["burst"] == pytest.approx(76, rel=0.1)
    assert "of client web (limit 20.0 times)" in verdict.reason
    assert monitor.measure("healthy", max_burst=2.0).action == "ok"


def test_a_month_takes_few_points(monitor: Monitor) -> None:
    """Steps are as long as Prometheus' limit of points asks for."""
    history = open_history(monitor.url)
    start = datetime(2013, 5, 1, tzinfo=UTC)
    month = history.read("healthy", version=3, start=start, end=datetime(2013, 6, 1, tzinfo=UTC))
    year = history.read("healthy", version=3, start=start, end=datetime(2014, 5, 1, tzinfo=UTC))
    assert (len(month.steps), month.step_seconds) == (8928, 300)
    # Prometheus 2 counts a scrape on the edge of two steps in both.
    assert sum(one.is_scraped for one in month.steps) in {18, 19}
    assert (len(year.steps), year.step_seconds) == (8760, 3600)
    assert set(month.busiest) == {ALL_CLIENTS}


def test_a_wrong_matcher_is_rejected(monitor: Monitor) -> None:
    """Prometheus' own words tell why."""
    history = open_history(monitor.url, matchers="namespace=")
    with pytest.raises(BadParameter, match="rejects the query") as caught:
        history.read("healthy", version=3, start=START, end=START + HOUR)
    assert "parse error" in str(caught.value.found)


def test_the_stage_reads_the_settings(monitor: Monitor, tmp_path: Path) -> None:
    """Address and matchers come from the installation, and the verdict is in the ledger."""
    container = Container(
        Settings(
            store=str(tmp_path), prometheus_url=monitor.url, prometheus_matchers='namespace=""'
        )
    )
    spec = ferry_dataset.model(monitoring={"window": "hour", "operations": {}})
    container.pin_specs(spec.model_copy(update={"model": "healthy"}), ferry_dataset.dataset())
    inputs = {"model": "healthy", "window": "2013-05-06T13-v3"}
    outcome: Any = run_stage("operations", inputs, origin={}, container=container)
    assert outcome.verdict.action == "ok"
    [entry] = ledger.newest_first(container.store, "healthy")
    assert entry["fact"]["stage"] == "operations"


def test_collect_says_that_no_metrics_are_kept(tmp_path: Path) -> None:
    """A spec that asks for operations measures none without an address."""
    container = Container(Settings(store=str(tmp_path), prometheus_url=""))
    spec = ferry_dataset.model(monitoring={"operations": {}})
    container.pin_specs(spec, ferry_dataset.dataset())
    vars(container)["registry"] = MonitoringRegistry(spec.model)
    outcome: Any = run_stage("collect", {"model": spec.model}, origin={}, container=container)
    assert "SLIPWAY_PROMETHEUS_URL is not set" in outcome.verdict.reason
    assert outcome.items["operations"] == []
