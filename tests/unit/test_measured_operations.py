"""Operations of windows: measured once, compared with earlier windows, due again where unknown."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from slipway.errors import BadParameter, MetricsUnavailable, NotComputable
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.settings import Settings
from slipway.spec.deployment import Deployment
from slipway.spec.unused_sections import unused_sections
from slipway.spec.yaml_reader import read_document
from slipway.stages.monitor.operations.due_operations import due_operations
from slipway.stages.monitor.operations.measure_operations import measure_operations
from slipway.stages.monitor.windows.windows import parse_monitored_window
from slipway.stages.ports.metric_history import ServingHistory, Step
from tests.fakes.memory_store import MemoryStore
from tests.support import ferry_dataset
from tests.support.collect_env import CollectEnv

MODEL = "ferry_delay"
UP = Step(is_scraped=True, is_model_seen=True, ready=1.0)


def history(*steps: Step, **known: Any) -> ServingHistory:
    """What servers did in steps of five minutes."""
    return ServingHistory(steps, 300, **known)


def well(requests: float = 1000) -> ServingHistory:
    """A window in which all is well."""
    return history(UP, UP, requests={200: requests}, within={0.01: requests, 0.1: requests})


class FixedHistory:
    """A fake of the `MetricHistory` port with one answer, or an error."""

    def __init__(self, answer: ServingHistory | Exception) -> None:
        self.answer = answer
        self.asked: list[tuple[str, int, datetime, datetime]] = []

    def read(self, model: str, *, version: int, start: datetime, end: datetime) -> ServingHistory:
        """The answer."""
        self.asked.append((model, version, start, end))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


class OperationsEnv:
    """A model whose months are measured."""

    def __init__(self, **limits: Any) -> None:
        self.store = MemoryStore()
        self.spec = ferry_dataset.model(monitoring={"operations": limits})
        self.history = FixedHistory(well())

    def measure(self, window: str) -> RunRecord:
        """Measure a window."""
        context = RunContext(self.store, {})
        return measure_operations(self.spec, window=window, context=context, history=self.history)

    def due(self, *, after: timedelta = timedelta()) -> list[str]:
        """Windows of spring that are due, some time from now."""
        windows = [parse_monitored_window(f"2013-0{month}-v3", "month") for month in (3, 4, 5)]
        now = datetime.now(UTC) + after
        return [one.id for one in due_operations(MODEL, windows, store=self.store, now=now)]


def test_a_window_is_measured_once_and_compared_with_those_before() -> None:
    """Its event time is the time of its metrics, and its record is a stage of its own."""
    env = OperationsEnv()
    for month in ("02", "03", "04"):
        assert env.measure(f"2013-{month}-v3").verdict.action == "ok"
    env.history.answer = history(UP, UP, requests={200: 900, 500: 100}, within={0.01: 900})
    record = env.measure("2013-05-v3")
    assert record.verdict.action == "degraded"
    assert "10.00% of requests failed, in earlier windows at most 0.00%" in record.verdict.reason
    start, end = datetime(2013, 5, 1, tzinfo=UTC), datetime(2013, 6, 1, tzinfo=UTC)
    assert env.history.asked[-1] == (MODEL, 3, start, end)
    assert record.ref.key == f"runs/{MODEL}/window-2013-05-v3/operations/record.json"
    env.history.answer = well()
    assert env.measure("2013-05-v3") == record


@pytest.mark.parametrize(
    "error",
    [
        MetricsUnavailable("Prometheus does not answer", found="ConnectError"),
        BadParameter("Prometheus refuses the token", found="status 401", hint="set it"),
    ],
)
def test_a_window_of_which_prometheus_tells_nothing_is_due_again(error: Exception) -> None:
    """As revisions, ever later, until one of them knows; earlier windows take the newest."""
    env = OperationsEnv()
    env.history.answer = error
    for month in (3, 4):
        verdict = env.measure(f"2013-0{month}-v3").verdict
        assert verdict.action == "inconclusive"
        assert "measured again later" in verdict.reason
    assert env.due() == ["2013-05-v3"]
    soon = timedelta(minutes=31)
    assert env.due(after=soon) == ["2013-03-v3-r1", "2013-04-v3-r1", "2013-05-v3"]
    env.measure("2013-03-v3-r1")
    assert env.due(after=soon) == ["2013-04-v3-r1", "2013-05-v3"]
    assert "2013-03-v3-r2" in env.due(after=2 * soon)
    env.history.answer = well()
    env.measure("2013-03-v3-r2")
    assert "2013-03-v3-r3" not in env.due(after=100 * soon)
    for revision in range(1, 10):
        env.history.answer = error
        env.measure(f"2013-04-v3-r{revision}")
    assert env.due(after=timedelta(days=365)) == ["2013-05-v3"]


def test_a_window_that_is_too_much_is_not_asked_for_again() -> None:
    """A retry cannot help."""
    env = OperationsEnv()
    env.history.answer = NotComputable("the window is too much", hint="shorten it")
    verdict = env.measure("2013-03-v3").verdict
    assert verdict.action == "inconclusive"
    assert verdict.reason == "Nothing of the window is known: the window is too much; shorten it."
    assert "2013-03-v3-r1" not in env.due(after=timedelta(days=9))


def test_a_window_of_the_future_waits() -> None:
    """An event clock may run ahead of the time that metrics live in."""
    env = OperationsEnv()
    windows = [parse_monitored_window("2013-05-v3", "month")]
    early = datetime(2013, 5, 31, tzinfo=UTC)
    assert list(due_operations(MODEL, windows, store=env.store, now=early)) == []


def test_collect_lists_operations_once_metrics_are_kept() -> None:
    """Of a spec that asks for them: closed windows of the version, in wall time that has passed."""
    env = CollectEnv(until="2013-07-02")
    now = datetime(2013, 6, 15, tzinfo=UTC)
    assert env.collect(metrics_at=now)["operations"] == []
    observed = {"monitoring": {"operations": {}}}
    assert env.collect(metrics_at=now, **observed)["operations"] == ["2013-05-v2"]
    assert env.collect(**observed)["operations"] == []
    env.measure("2013-05-v2", "operations")
    later = datetime(2013, 7, 2, tzinfo=UTC)
    assert env.collect(metrics_at=later, **observed)["operations"] == ["2013-06-v2"]


def test_a_model_without_servers_has_no_operations(tmp_path: Path) -> None:
    """The spec says so where the section stands."""
    spec = ferry_dataset.model(monitoring={"operations": {}})
    file = tmp_path / "model.yaml"
    file.write_text("model: ferry_delay\nmonitoring:\n  operations: {}\n")
    assert list(unused_sections(spec, read_document(file))) == []
    batch = spec.model_copy(update={"deployment": Deployment(target="batch")})
    [problem] = unused_sections(batch, read_document(file))
    assert "the target is batch, which has no servers" in str(problem)
    assert ":3" in str(problem)


@pytest.mark.parametrize(
    ("matchers", "is_valid"),
    [
        ("", True),
        ('namespace="prod"', True),
        ('namespace=~"a|b", env!="dev"', True),
        ("namespace=prod", False),
        ('x="1"} or vector(1) #', False),
    ],
)
def test_matchers_are_those_of_promql(
    monkeypatch: pytest.MonkeyPatch, matchers: str, *, is_valid: bool
) -> None:
    """A setting that is none is an error before any query."""
    monkeypatch.setenv("SLIPWAY_PROMETHEUS_MATCHERS", matchers)
    if is_valid:
        assert Settings().prometheus_matchers == matchers
    else:
        with pytest.raises(ValidationError, match="prometheus_matchers"):
            Settings()
