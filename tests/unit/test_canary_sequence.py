"""The sequential tests of a canary: chances over all looks, exact or by seeded simulation."""

from __future__ import annotations

import numpy as np
import pytest

from slipway.spec.deployment import Shift
from slipway.stages.rollout.canary_errors import compare_errors
from slipway.stages.rollout.canary_power import step_chances
from slipway.stages.rollout.canary_sequence import (
    error_rate_bounds,
    evidence_beside,
    requests_needed,
)
from slipway.stages.rollout.platform import VersionStats

SHIFT = Shift()
ALPHA = SHIFT.step_error_probability


@pytest.mark.parametrize("rate", [0.001, 0.005, 0.01, 0.015, 0.02])
def test_a_version_within_the_limit_is_hardly_ever_aborted(rate: float) -> None:
    """Over all looks at 6,000 requests, up to the limit itself."""
    assert step_chances(SHIFT, rate).aborted <= ALPHA


@pytest.mark.parametrize("rate", [0.02, 0.021, 0.025, 0.03, 0.1])
def test_a_version_above_the_limit_hardly_ever_passes(rate: float) -> None:
    """Over all looks at 6,000 requests, from the limit itself."""
    assert step_chances(SHIFT, rate).passed <= ALPHA


def test_a_healthy_version_passes_after_some_hundreds_of_requests() -> None:
    """As good as the champion at 0.5 %; a single look at 200 passed it in 37 % of cases."""
    healthy = step_chances(SHIFT, 0.005)
    assert healthy.passed > 0.999
    assert healthy.requests == pytest.approx(500, abs=5)


def test_a_bad_version_is_stopped_the_sooner_the_worse_it_is() -> None:
    """Half of all requests, 10 %, 3 %: all are aborted in the end."""
    dead, bad, poor = (step_chances(SHIFT, rate) for rate in (0.5, 0.1, 0.03))
    assert dead.requests < 10 < bad.requests < 70 < poor.requests < 2300
    assert poor.aborted > 0.95


def test_chances_of_tiny_limits_are_as_quick_to_compute() -> None:
    """The looks are as many, so the chances of a limit and of a hundredth are alike."""
    strict = step_chances(Shift(max_error_rate=2e-4), 5e-5)
    assert strict.passed > 0.999
    assert strict.requests == pytest.approx(50_000, rel=0.05)


@pytest.mark.parametrize("side", ["worse", "better"])
def test_a_difference_at_the_margin_is_hardly_ever_found_wrongly(side: str) -> None:
    """Neither that a version is worse than another plus the margin, nor that it is better."""
    rng = np.random.default_rng(7)
    own = rng.binomial(50, 0.03, size=(200, 40)).cumsum(axis=1)
    other = rng.binomial(450, 0.02, size=(200, 40)).cumsum(axis=1)
    wrong = sum(
        any(
            evidence_beside(
                VersionStats(50 * look, int(failed)),
                VersionStats(450 * look, int(beside)),
                margin=0.01,
                limit=0.02,
            )[side == "better"]
            >= -np.log(ALPHA)
            for look, (failed, beside) in enumerate(zip(*pair, strict=True), 1)
        )
        for pair in zip(own, other, strict=True)
    )
    assert wrong <= 200 * ALPHA


def test_an_outage_of_both_versions_aborts_no_candidate() -> None:
    """Minutes in which a third of all requests fail, whatever version answers them."""
    rng = np.random.default_rng(11)
    aborted = 0
    for _ in range(100):
        ill = np.where(rng.random(40) < 0.1, 0.33, 0.005)
        own = rng.binomial(20, ill).cumsum()
        champion = rng.binomial(180, ill).cumsum()
        aborted += any(
            compare_errors(
                VersionStats(20 * look, int(failed)),
                VersionStats(180 * look, int(beside)),
                shift=SHIFT,
            ).is_above
            for look, (failed, beside) in enumerate(zip(own, champion, strict=True), 1)
        )
    assert aborted <= 100 * ALPHA


def test_bounds_enclose_what_was_counted_and_shrink() -> None:
    """With 0 and with 1 at the ends, where nothing or everything failed."""
    low, high = error_rate_bounds(VersionStats(100, 10), ALPHA)
    lower, upper = error_rate_bounds(VersionStats(1000, 100), ALPHA)
    assert 0 < low < lower < 0.1 < upper < high < 1
    assert error_rate_bounds(VersionStats(50, 0), ALPHA)[0] == 0.0
    assert error_rate_bounds(VersionStats(50, 50), ALPHA)[1] == 1.0


@pytest.mark.parametrize(("limit", "needed"), [(0.02, 203), (0.05, 80), (0.5, 6)])
def test_requests_needed_grow_as_the_limit_falls(limit: float, needed: int) -> None:
    """Little more than the 183, 72 and 6 of one look at a fixed number."""
    assert requests_needed(limit, ALPHA) == needed
