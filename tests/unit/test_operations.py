"""Operations of windows: figures, limits, earlier windows, and what is due when."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from slipway.errors import BadParameter, MetricsUnavailable, NotComputable
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRecord
from slipway.spec.operations import Operations
from slipway.stages.monitor.due_operations import due_operations
from slipway.stages.monitor.judge_operations import judge_operations
from slipway.stages.monitor.measure_operations import measure_operations
from slipway.stages.monitor.operation_figures import Figures, compute_figures
from slipway.stages.monitor.windows import parse_monitored_window
from slipway.stages.ports.metric_history import ALL_CLIENTS, Busiest, ServingHistory, Step
from tests.fakes.memory_store import MemoryStore
from tests.support import ferry_dataset

MODEL = "ferry_delay"
UNKNOWN, AWAY = Step(), Step(is_scraped=True)
OTHER = Step(is_scraped=True, is_model_seen=True)
UP = replace(OTHER, ready=1.0)
WELL = Figures(
    coverage=1.0,
    availability=1.0,
    requests=1000,
    requests_per_minute=40.0,
    error_rate=0.0,
    malformed_rate=0.0,
    refused_rate=0.0,
    p99_ms=20.0,
    restarts=0,
    unshipped_seconds=3.0,
    out_of_range_rate=0.0,
    burst=1.5,
)


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


def test_figures_count_requests_that_arrived_as_a_whole() -> None:
    """A client that hung up is neither failed nor malformed; refused ones come on top."""
    requests = {200: 880.0, 422: 100.0, 503: 20.0, 499: 500.0, 408: 7.0}
    found = compute_figures(history(UP, UP, requests=requests, refused={"missing": 1000.0}))
    assert (found.requests, found.requests_per_minute) == (1000, 100.0)
    assert (found.error_rate, found.malformed_rate, found.refused_rate) == (0.02, 0.1, 0.5)


def test_shares_of_few_requests_are_not_known() -> None:
    """One failure of two requests is no rate."""
    found = compute_figures(
        history(
            UP,
            requests={200: 1, 500: 1},
            within={0.1: 2.0},
            rows=5,
            out_of_range={"wind": 5},
            busiest={ALL_CLIENTS: Busiest(60, 1)},
        )
    )
    assert found.requests == 2
    unknown = (found.error_rate, found.p99_ms, found.out_of_range_rate, found.burst)
    assert unknown == (None, None, None, None)


def test_a_version_is_away_where_no_version_was_seen() -> None:
    """Before its first step, beside another version, and in a gap of scrapes, it is not judged."""
    found = compute_figures(history(AWAY, OTHER, UP, UP, OTHER, UNKNOWN, AWAY, AWAY))
    assert found.availability == 0.5
    assert found.coverage == 7 / 8
    assert compute_figures(history(UNKNOWN)).availability is None


def test_the_bound_of_the_bucket_is_reported() -> None:
    """Never too low; above the largest bucket a minute stands for it."""
    within = {0.01: 980.0, 0.1: 990.0, float("inf"): 1000.0}
    assert compute_figures(history(UP, within=within)).p99_ms == 100
    within[0.1] = 985.0
    assert compute_figures(history(UP, within=within)).p99_ms == 60_000


def test_a_burst_names_the_client_that_has_the_largest() -> None:
    """A usual minute has one request at least."""
    busiest = {ALL_CLIENTS: Busiest(60, 40), "web": Busiest(50, 0.1), "shop": Busiest(90, 2)}
    found = compute_figures(history(UP, requests={200: 1000}, busiest=busiest))
    assert (found.burst, found.client) == (50, "web")


@pytest.mark.parametrize(
    ("limits", "found", "reason"),
    [
        ({"min_availability": 0.999}, {"availability": 0.99}, "ready 99.00% of the time (limit"),
        ({"max_error_rate": 0.01}, {"error_rate": 0.02}, "2.00% of requests failed (limit 1.00%)"),
        ({"max_p99_ms": 100.0}, {"p99_ms": 150.0}, "took up to 150 ms (limit 100 ms)"),
        ({"max_restarts": 0}, {"restarts": 1}, "its server was restarted 1 times"),
        ({"max_unshipped_seconds": 60.0}, {"unshipped_seconds": 61.0}, "up to 61 s for the store"),
        ({"max_refused_rate": 0.0}, {"refused_rate": 0.001}, "0.10% of requests had no valid"),
        ({"max_malformed_rate": 0.1}, {"malformed_rate": 0.2}, "20.00% of requests were malformed"),
        (
            {"max_out_of_range_rate": 0.1},
            {"out_of_range_rate": 0.2, "column": "wind"},
            "values that training never saw of wind (limit 10.00%)",
        ),
        ({"max_burst": 10.0}, {"burst": 11.0}, "11.0 times the usual requests (limit 10.0 times)"),
    ],
)
def test_a_figure_beyond_its_limit_is_degraded(
    limits: dict[str, Any], found: dict[str, Any], reason: str
) -> None:
    """At the limit it is not; without a limit it is observed."""
    figures = replace(WELL, **found)
    verdict = judge_operations(Operations(**limits), figures)
    assert verdict.action == "degraded"
    assert reason in f"{verdict.reason[0].lower()}{verdict.reason[1:]}"
    assert judge_operations(Operations(), figures).action == "ok"
    [[name, limit]] = limits.items()
    at_limit = replace(figures, **{name.partition("_")[2]: limit})
    assert judge_operations(Operations(**limits), at_limit).action == "ok"


def test_a_breach_outweighs_what_is_not_known() -> None:
    """Both are reported, the breach first."""
    figures = replace(WELL, coverage=0.5, error_rate=0.5, p99_ms=None)
    verdict = judge_operations(Operations(max_error_rate=0.1, max_p99_ms=9.0), figures)
    assert verdict.action == "degraded"
    assert verdict.reason.startswith(
        "50.00% of requests failed (limit 10.00%); Prometheus knows 50.00% of the window (90.00% "
        "are needed); not known, or of fewer than 100 requests: p99_ms (1,000 requests)."
    )
    assert judge_operations(Operations(max_p99_ms=9.0), figures).action == "inconclusive"
    assert judge_operations(Operations(min_coverage=0.5), figures).action == "ok"


def test_three_earlier_windows_tell_what_is_usual() -> None:
    """Twice the most of them is degraded; requests out of the ordinary are reported alone."""
    earlier = [replace(WELL, p99_ms=value, error_rate=0.004).numbers() for value in (20, 30, 25)]
    slow = replace(WELL, p99_ms=100.0, error_rate=0.012)
    verdict = judge_operations(Operations(), slow, earlier=earlier)
    assert verdict.action == "degraded"
    assert "took up to 100 ms, in earlier windows at most 30 ms." in verdict.reason
    assert "failed, in earlier" not in verdict.reason
    assert judge_operations(Operations(), slow, earlier=earlier[:2]).action == "ok"
    assert judge_operations(Operations(max_ratio=None), slow, earlier=earlier).action == "ok"
    few = judge_operations(Operations(), replace(WELL, requests_per_minute=9.0), earlier=earlier)
    assert few.action == "ok"
    assert "To look at: 9.0 requests a minute, in earlier windows 40.0 to 40.0." in few.reason


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
