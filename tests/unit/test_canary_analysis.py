"""The canary analysis of a step: three outcomes at any look, and the champion beside it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_analysis import analyse_canary
from slipway.stages.rollout.canary_errors import least_requests
from slipway.stages.rollout.platform import VersionStats

HEALTHY = VersionStats(2700, 14, 5.0)
FAILING = VersionStats(4000, 800, 5.0)


@given(
    st.floats(0.001, 0.5),
    st.floats(0.001, 0.3),
    st.lists(st.integers(1, 99), min_size=1, max_size=5, unique=True).map(sorted),
)
def test_as_many_requests_as_are_said_to_be_needed_can_shift(
    max_error_rate: float, error_probability: float, steps: list[int]
) -> None:
    """They suffice without an error; one fewer does not."""
    shift = Shift(
        requests=1,
        steps=steps,
        max_error_rate=max_error_rate,
        error_probability=error_probability,
    )
    needed = least_requests(shift)
    for asked, action in ((needed, "shifted"), (needed - 1, "inconclusive")):
        spotless = VersionStats(asked, 0, 5.0)
        verdict = analyse_canary(spotless, step=steps[0], shift=shift, max_p99_ms=10.0)
        assert verdict.action == action


@pytest.mark.parametrize(
    ("tally", "champion", "action", "reason"),
    [
        (VersionStats(209, 0, 5.0), HEALTHY, "shifted", "at most 2.00% errors, p99 5 ms"),
        (VersionStats(5000, 50, 5.0), None, "shifted", "failed 50 times: at most 1.67% errors"),
        (VersionStats(300, 3, 5.0), HEALTHY, "inconclusive", "0.06% to 3.91% errors are possible"),
        (VersionStats(200, 20, 5.0), HEALTHY, "aborted", "at least 4.58% errors, and 2.00% are"),
        (VersionStats(8, 8, None), HEALTHY, "aborted", "failed 8 times (the champion 14 of 2700)"),
        (VersionStats(300, 0, 50.0), None, "aborted", "its p99 is 50 ms (10 are allowed)"),
        (VersionStats(208, 0, 5.0), None, "inconclusive", "asked 208 times and failed 0 times, "),
        (VersionStats(208, 0, 5.0), None, "inconclusive", "and 209 are needed for a verdict"),
        (VersionStats(1, 1, None), None, "inconclusive", "asked 1 time and failed 1 time"),
        (VersionStats(0, 0, None), None, "inconclusive", "asked 0 times, and 209 are needed"),
        (VersionStats(300, 0, None), None, "inconclusive", "its latency is not known"),
        (VersionStats(1000, 60, 5.0), FAILING, "shifted", "21.00% are allowed beside the champion"),
        (VersionStats(1000, 200, 5.0), FAILING, "inconclusive", "errors are possible, and 21.00%"),
        (VersionStats(1000, 400, 5.0), FAILING, "aborted", "21.00% are allowed beside"),
        (VersionStats(200, 20, 5.0), VersionStats(), "aborted", "(the champion 0 of 0)"),
    ],
)
def test_an_analysis_has_three_outcomes(
    tally: VersionStats, champion: VersionStats | None, action: str, reason: str
) -> None:
    """Each with its numbers, and none by default."""
    verdict = analyse_canary(tally, champion=champion, step=10, shift=Shift(), max_p99_ms=10.0)
    assert verdict.action == action
    assert reason in verdict.reason
    assert verdict.numbers["asked"] == tally.asked
    assert ("champion.asked" in verdict.numbers) is (champion is not None)


def test_more_requests_may_be_asked_for_than_the_error_rate_needs() -> None:
    """A step of a model whose errors are late waits for its `requests`, but a bad one does not."""
    shift = Shift(requests=1000)
    spotless, bad = VersionStats(999, 0, 5.0), VersionStats(60, 30, 5.0)
    assert analyse_canary(spotless, step=10, shift=shift, max_p99_ms=10.0).action == "inconclusive"
    assert analyse_canary(bad, step=10, shift=shift, max_p99_ms=10.0).action == "aborted"


def test_a_wider_increase_is_a_choice_of_the_spec() -> None:
    """Beside a champion that fails in 5 % of requests, as where a back end is ill."""
    alike, champion = VersionStats(1500, 75, 5.0), VersionStats(13_500, 675, 5.0)
    for increase, action in ((None, "inconclusive"), (0.04, "shifted")):
        shift = Shift(max_error_increase=increase)
        verdict = analyse_canary(alike, champion=champion, step=10, shift=shift, max_p99_ms=10.0)
        assert verdict.action == action
