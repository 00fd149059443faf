"""Losses of consecutive windows add up to a decay that no window shows alone."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.spec.monitoring import Monitoring
from slipway.stages.monitor.decide.judge_windows import WindowVerdict, add_windows_up, judge_windows
from slipway.stages.monitor.performance.cusum import (
    REFERENCE,
    chance_to_exceed,
    evidence_limit,
    suffix_sums,
)
from slipway.stages.monitor.performance.decay_sequence import (
    LossTogether,
    add_up,
    error_numbers,
    loss_of,
)
from slipway.stages.monitor.performance.loss import Error
from slipway.stages.monitor.performance.loss_stretches import WindowLoss

ALLOWED = 0.01
LOSSES = st.lists(st.floats(-0.2, 0.2), min_size=2, max_size=14)


def monitoring(*, window: str = "month", k: int = 2) -> Monitoring:
    """Criteria: a loss of 0.01 against a fresh model is allowed."""
    performance = {"metric": "roc_auc", "max_absolute_drop": ALLOWED, "comparator": "fresh"}
    fire = {"k": k, "n": max(k, 3)}
    return Monitoring.model_validate({"window": window, "performance": performance, "fire": fire})


def losses(*values: float, error: float = 0.015, independent: float = 25.0) -> list[WindowLoss]:
    """Losses of windows with equal errors."""
    return [WindowLoss(value, Error(error, independent)) for value in values]


def found(*values: float, window: str = "month", k: int = 2) -> LossTogether:
    """Add losses up that are enough windows."""
    together = add_up(losses(*values), monitoring(window=window, k=k))
    assert together is not None
    return together


def verdict(window: LossTogether | WindowLoss, month: int = 5) -> WindowVerdict:
    """A window's recorded verdict."""
    assert isinstance(window, WindowLoss)
    numbers = {"roc_auc": 0.7, "comparator": "fresh", "drop": window.value}
    return WindowVerdict(
        f"2013-{month:02d}-v1", "ok", "Ok.", "", numbers | error_numbers("own", window.own)
    )


def test_a_moderate_loss_of_every_window_is_decay_together() -> None:
    """Of 0.03 with an error of 0.015 no window is decayed alone; five together are."""
    values = [0.03, 0.034, 0.028, 0.031, 0.033]
    assert not any(found(*values[:count]).is_decay for count in (2, 3))
    together = found(*values)
    assert together.is_decay
    assert together.windows == 5
    assert ALLOWED < together.lower < together.value < together.upper
    assert "over the last 5 windows together the champion is worse by 0.03" in str(together)
    assert "beyond the 0.0100 allowed (severe, 3.1 times the limit)" in str(together)


def test_a_loss_that_creeps_is_found_from_where_it_matters() -> None:
    """Windows before it are left out, however good they were."""
    together = found(-0.02, -0.03, -0.02, 0.0, 0.02, 0.04, 0.05, 0.06)
    assert together.is_decay
    assert together.windows == 4


@given(LOSSES, st.integers(1, 4), st.integers(0, 13), st.floats(0.1, 10.0))
def test_one_window_alone_never_decides(
    values: list[float], k: int, at: int, glitch: float
) -> None:
    """However bad it is, fewer than k windows beyond the margin, or two, are no decay."""
    values = [min(one, ALLOWED) for one in values]
    values[at % len(values)] = glitch
    together = add_up(losses(*values), monitoring(k=k))
    assert together is None or not together.is_decay


@given(LOSSES)
def test_the_newest_window_has_to_add_to_it(values: list[float]) -> None:
    """A champion that does as well again is not replaced for what was."""
    together = found(*values, ALLOWED)
    assert not together.is_decay
    if together.is_beyond:
        assert "but the newest adds nothing to it" in str(together)


@given(LOSSES, st.floats(0, 0.1))
def test_a_greater_loss_of_all_windows_is_no_weaker_evidence(
    values: list[float], more: float
) -> None:
    """What is decay stays decay when every window loses more."""
    if found(*values).is_decay:
        assert found(*(one + more for one in values)).is_decay


@given(LOSSES)
def test_the_interval_agrees_with_the_decision(values: list[float]) -> None:
    """It holds the estimate, and begins beyond the margin only where the evidence is."""
    together = found(*values)
    assert together.lower <= together.value <= together.upper
    if abs(together.lower - ALLOWED) > 1e-6:
        assert together.is_beyond == (together.lower > ALLOWED)


def test_windows_that_differ_more_than_their_errors_say_are_trusted_less() -> None:
    """The errors are scaled by how much neighbours differ."""
    calm, wild = found(*[0.03] * 6), found(*[0.0, 0.06] * 3)
    assert wild.upper - wild.lower > calm.upper - calm.lower
    assert (calm.is_decay, wild.is_decay) == (True, False)


def test_an_error_that_windows_share_does_not_shrink_with_their_number() -> None:
    """Twelve windows against one holdout are bounded by the holdout's error."""
    alone = losses(*[0.03] * 12)
    shared = [replace(one, shared=Error(0.015, 25.0)) for one in alone]
    results = [add_up(one, monitoring()) for one in (alone, shared)]
    assert [one is not None and one.is_decay for one in results] == [True, False]


@pytest.mark.parametrize(("window", "fewest"), [("month", 2), ("week", 8)])
def test_weeks_count_by_four(window: str, fewest: int) -> None:
    """Two months, or two times four weeks, are the fewest that are added up."""
    criteria = monitoring(window=window)
    assert add_up(losses(*[0.03] * (fewest - 1)), criteria) is None
    together = add_up(losses(*[0.03] * fewest), criteria)
    assert together is not None
    assert together.windows == fewest


@pytest.mark.parametrize("window", ["day", "hour"])
def test_windows_of_a_day_are_not_added_up(window: str) -> None:
    """Neighbouring days are too alike."""
    assert add_up(losses(*[0.5] * 60), monitoring(window=window)) is None


def test_windows_of_other_criteria_are_left_out() -> None:
    """A loss in another metric, against another comparator, or without its error says nothing."""
    numbers = verdict(losses(0.03)[0]).numbers
    performance = monitoring().performance
    assert loss_of(numbers, performance) is not None
    for other in (
        {**numbers, "comparator": "holdout"},
        {name: value for name, value in numbers.items() if name != "roc_auc"},
        {name: value for name, value in numbers.items() if name != "own_error"},
        {},
    ):
        assert loss_of(other, performance) is None


def test_an_inconclusive_newest_window_decides_nothing() -> None:
    """The newest window has to be among those that are added up."""
    windows = [verdict(one) for one in losses(*[0.04] * 6)]
    together = add_windows_up(windows, monitoring())
    assert together is not None
    assert together.is_decay
    torn = WindowVerdict("2013-11-v1", "inconclusive", "Torn.", "")
    assert add_windows_up([*windows, torn], monitoring()) is None
    assert add_windows_up([windows[0], torn, *windows[1:]], monitoring()) == together


def test_a_decay_together_requests_retraining_and_says_so() -> None:
    """The count of k of n holds those that are decayed alone; the sum is a reason of its own."""
    criteria = monitoring()
    windows = [verdict(one, month) for month, one in enumerate(losses(*[0.04] * 6), start=4)]
    decided = judge_windows([], windows, criteria.fire, together=add_windows_up(windows, criteria))
    assert (decided.action, decided.numbers["kind"]) == ("request", "decay")
    assert decided.numbers["decayed"] == 0
    assert decided.numbers["windows_together"] == 6
    assert decided.numbers["severity"] == "severe"
    assert decided.reason.startswith("Over the last 6 windows together the champion is worse by")
    assert decided.reason.endswith("The newest, 2013-09-v1: Ok.")
    few = windows[:2]
    decided = judge_windows([], few, criteria.fire, together=add_windows_up(few, criteria))
    assert decided.action == "nothing"
    assert "over the last 2 windows together" in decided.reason
    assert "not shown to be beyond the 0.0100 allowed" in decided.reason


@pytest.mark.parametrize(("looks", "rate"), [(1, 0.05), (12, 0.05), (12, 0.025)])
def test_the_limit_is_exceeded_as_seldom_as_it_says(looks: int, rate: float) -> None:
    """By simulation of looks without evidence, seed 3."""
    limit = evidence_limit(looks, rate)
    assert chance_to_exceed(limit, looks) == pytest.approx(rate, abs=1e-4)
    steps = np.random.default_rng(3).normal(size=(20_000, looks)) - REFERENCE
    sums, exceeded = np.zeros(len(steps)), np.zeros(len(steps), bool)
    for step in steps.T:
        sums = np.maximum(sums + step, 0)
        exceeded |= sums > limit
    assert exceeded.mean() == pytest.approx(rate, abs=0.006)


@given(st.lists(st.integers(-9, 9), min_size=1, max_size=9))
def test_sums_run_to_the_newest(steps: list[int]) -> None:
    """Each is that of a step and all after it."""
    assert suffix_sums(steps) == [sum(steps[at:]) for at in range(len(steps))]


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_years_at_the_margin_are_seldom_called_decayed(correlation: float) -> None:
    """Of 80 years whose true loss is the margin at most 5 % are, at any look; seed 11."""
    years, days, criteria = 80, 30, monitoring()
    random = np.random.default_rng(11)
    levels = random.normal(size=(years, 12 * days))
    for day in range(1, levels.shape[1]):
        fresh = (1 - correlation**2) ** 0.5
        levels[:, day] = correlation * levels[:, day - 1] + fresh * levels[:, day]
    independent = days * (1 - correlation) / (1 + correlation)
    called = 0
    for year in levels.reshape(years, 12, days) * 0.05:
        windows = [
            WindowLoss(ALLOWED + one.mean(), Error(one.std(ddof=1) / independent**0.5, independent))
            for one in year
        ]
        looks = (add_up(windows[:end], criteria) for end in range(4, 13))
        called += any(one is not None and one.is_decay for one in looks)
    assert called / years <= 0.05 + 2 * (0.05 * 0.95 / years) ** 0.5
