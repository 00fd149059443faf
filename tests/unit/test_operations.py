"""Operations of windows: figures, limits, and what earlier windows tell."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from slipway.spec.operations import Operations
from slipway.stages.monitor.operations.judge_operations import judge_operations
from slipway.stages.monitor.operations.operation_figures import Figures, compute_figures
from slipway.stages.ports.metric_history import ALL_CLIENTS, Busiest, ServingHistory, Step

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
