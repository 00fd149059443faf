"""The canary analysis of a step: exact bounds, three outcomes, and error rates of the spec."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.stats import binom

from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_analysis import analyse_canary, error_rate_bounds
from slipway.stages.rollout.platform import VersionStats


@given(st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_bounds_are_clopper_and_pearsons(counted: tuple[int, int]) -> None:
    """At each bound, what was counted or something more extreme has exactly the probability."""
    failed, asked = counted
    low, high = error_rate_bounds(failed, asked, 0.025)
    if failed == 0:
        assert low == 0.0
    else:
        assert binom.sf(failed - 1, asked, low) == pytest.approx(0.025, abs=1e-9)
    if failed == asked:
        assert high == 1.0
    else:
        assert binom.cdf(failed, asked, high) == pytest.approx(0.025, abs=1e-9)


@given(
    st.floats(0.001, 0.5),
    st.floats(0.001, 0.3),
    st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True).map(sorted),
)
def test_as_many_requests_as_the_spec_demands_can_shift(
    max_error_rate: float, error_probability: float, steps: list[int]
) -> None:
    """The spec's minimum suffices without an error; one fewer is invalid, and inconclusive."""
    words = {
        "steps": steps,
        "max_error_rate": max_error_rate,
        "error_probability": error_probability,
    }
    needed = Shift(requests=10**6, **words).requests_needed()
    shift = Shift(requests=needed, **words)
    spotless = VersionStats(needed, 0, 5.0)
    assert analyse_canary(spotless, step=steps[0], shift=shift, max_p99_ms=10.0).action == "shifted"
    if needed > 1:
        with pytest.raises(ValidationError, match=f"expected at least {needed}"):
            Shift(requests=needed - 1, **words)
        alpha = error_probability / len(steps)
        assert error_rate_bounds(0, needed - 1, alpha)[1] > max_error_rate * (1 - 1e-9)


@pytest.mark.parametrize("rate", [0.01, 0.02, 0.021, 0.04, 0.1])
def test_wrong_verdicts_on_the_error_rate_are_as_rare_as_the_spec_says(rate: float) -> None:
    """Over all counts of failures, weighted by their probability at a known rate."""
    shift = Shift()
    wrong = "aborted" if rate <= shift.max_error_rate else "shifted"
    probability = sum(
        binom.pmf(failed, shift.requests, rate)
        for failed in range(shift.requests + 1)
        if analyse_canary(
            VersionStats(200, failed, 5.0), step=10, shift=shift, max_p99_ms=10.0
        ).action
        == wrong
    )
    assert probability <= shift.error_probability / len(shift.steps)


@pytest.mark.parametrize(
    ("tally", "action", "reason"),
    [
        (VersionStats(200, 0, 5.0), "shifted", "at most 1.83% errors, p99 5 ms"),
        (VersionStats(5000, 50, 5.0), "shifted", "failed 50 times"),
        (VersionStats(200, 3, 5.0), "inconclusive", "up to 4.32% errors are possible"),
        (VersionStats(200, 20, 5.0), "aborted", "at least 6.22% errors, and 2.00% are allowed"),
        (VersionStats(200, 200, None), "aborted", "at least 98.17% errors"),
        (VersionStats(200, 0, 50.0), "aborted", "its p99 is 50 ms (10 are allowed)"),
        (VersionStats(199, 0, 5.0), "inconclusive", "asked 199 times, and 200 are needed"),
        (VersionStats(0, 0, None), "inconclusive", "asked 0 times"),
        (VersionStats(200, 0, None), "inconclusive", "its latency is not known"),
    ],
)
def test_an_analysis_has_three_outcomes(tally: VersionStats, action: str, reason: str) -> None:
    """Each with its numbers, and none by default."""
    verdict = analyse_canary(tally, step=10, shift=Shift(), max_p99_ms=10.0)
    assert verdict.action == action
    assert reason in verdict.reason
    assert verdict.numbers["asked"] == tally.asked
