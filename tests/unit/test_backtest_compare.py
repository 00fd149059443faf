"""Comparison of played policies: intervals, days of a worse model, false alarms, recommendation."""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pytest

from slipway.stages.backtest.compare import Compared, Window, compare
from slipway.stages.backtest.differences import WindowDifference, mean_difference
from slipway.stages.backtest.recommend import recommend
from slipway.stages.backtest.results import PlayedModel, PlayedPolicy, PlayedRequest

WINDOWS = [Window(step, f"2013-{step:02d}", days=30.0, rows=1000) for step in range(1, 9)]
COVERED = 0.93, 0.97


@dataclass(frozen=True)
class Losses:
    """Losses of models by fit, the same in every window, whose differences have one error."""

    of: Mapping[str, float]
    error: float | None = 0.001
    undefined: frozenset[int] = field(default_factory=frozenset)

    def value(self, fit: str, step: int) -> float | None:
        """What is left of 1."""
        loss = self.loss(fit, step)
        return None if loss is None else 1 - loss

    def loss(self, fit: str, step: int) -> float | None:
        """Its loss."""
        return None if step in self.undefined else self.of[fit]

    def difference(self, fit: str, other: str, step: int) -> WindowDifference | None:
        """Difference of both."""
        del step
        return WindowDifference(self.of[fit] - self.of[other], 1000, self.error, blocks=30)


def policy(
    name: str, served: str, *, rank: int, requests: Sequence[PlayedRequest] = ()
) -> PlayedPolicy:
    """A policy whose models served the windows, a letter for each."""
    models = {fit: PlayedModel(fit, None, 0.5, 2.0) for fit in "abc"}
    return PlayedPolicy(name, name, rank, dict(enumerate(served, start=1)), requests, models)


def training(step: int, challenger: str, champion: str, outcome: str) -> PlayedRequest:
    """An accepted request."""
    return PlayedRequest(
        *(step, step, str(step), "cron", True, outcome, "a tick", "told"), challenger, champion
    )


def compared(losses: Losses, *policies: PlayedPolicy) -> Compared:
    """The comparison, which there has to be."""
    found = compare(policies, WINDOWS, losses)
    assert found is not None
    return found


def test_the_interval_of_blocks_covers_the_truth_as_often_as_it_says() -> None:
    """Over 600 seeds, of eight windows whose errors are known."""
    held = 0
    for seed in range(600):
        draw = random.Random(seed)
        windows = [WindowDifference(draw.gauss(0.1, 0.02), 1000, 0.02, 30) for _ in range(8)]
        found = mean_difference(windows)
        held += found.lower <= 0.1 <= found.upper
    assert COVERED[0] <= held / 600 <= COVERED[1]


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_windows_are_the_blocks_where_they_have_no_errors(correlation: float) -> None:
    """Of neighbours that are alike fewer count, so the interval is wider, and covers enough."""
    held = 0
    for seed in range(400):
        draw, last, windows = random.Random(seed), 0.0, []
        for _ in range(40):
            last = correlation * last + draw.gauss(0, (1 - correlation**2) ** 0.5)
            windows.append(WindowDifference(last, 100))
        held += mean_difference(windows).holds_zero
    assert held / 400 >= 0.9


def test_one_window_without_errors_tells_nothing() -> None:
    """Its interval is everything; the same model in every window has no difference at all."""
    found = mean_difference([WindowDifference(0.3, 100)])
    assert (found.lower, found.upper) == (-math.inf, math.inf)
    same = mean_difference([WindowDifference(0.0, 100, error=0.0)])
    assert (same.lower, same.upper) == (0.0, 0.0)


def test_the_policy_with_the_least_loss_is_recommended_where_chance_does_not_explain_it() -> None:
    """With how much the others lose beyond chance."""
    never, often = policy("never", "aaaaaaaa", rank=0), policy("monthly", "abbbbbbb", rank=2)
    found = compared(Losses({"a": 0.3, "b": 0.28, "c": 0.3}), never, often)
    assert found.best == "monthly"
    assert not found.of("never").behind.holds_zero
    advice = recommend(found)
    assert advice.name == "monthly"
    assert "never loses 0.0175 more" in " ".join(advice.reasons)


def test_the_fewest_trainings_are_recommended_of_what_chance_cannot_tell_apart() -> None:
    """And the reasons name the best, and its interval; of as many trainings the simplest counts."""
    never, often = policy("never", "aaaaaaaa", rank=0), policy("monthly", "abbbbbbb", rank=2)
    found = compared(Losses({"a": 0.3, "b": 0.2999, "c": 0.3}), never, often)
    assert found.best == "monthly"
    advice = recommend(found)
    assert advice.name == "never"
    assert advice.reasons[0].startswith("never trains no further model, and chance cannot")
    assert "monthly" in advice.reasons[0]


def test_a_simpler_policy_that_trains_more_often_is_not_recommended() -> None:
    """A cadence of seven trainings for the loss that decay has with one is dearer."""
    requests = [training(step, "b", "a", "promoted") for step in (1, 3, 5)]
    often = policy("daily", "abbbbbbb", rank=4, requests=requests)
    seldom = policy("decay", "abbbbbbb", rank=10, requests=requests[:1])
    never = policy("never", "aaaaaaaa", rank=0)
    also = policy("drift", "aaaaaaaa", rank=11)
    advice = recommend(compared(Losses({"a": 0.3, "b": 0.2, "c": 0.3}), never, often, seldom, also))
    assert advice.name == "decay"
    assert advice.reasons[0].startswith("decay trains once, least of those whose loss")
    assert any(one.startswith("never, drift lose 0.0875 more") for one in advice.reasons)


def test_days_of_a_worse_model_count_where_chance_does_not_explain_it() -> None:
    """Windows in which another policy served a better one."""
    never, often = policy("never", "aaaaaaaa", rank=0), policy("monthly", "aabbbbbb", rank=2)
    losses = Losses({"a": 0.3, "b": 0.2, "c": 0.3})
    assert compared(losses, never, often).of("never").days_worse == 6 * 30
    assert compared(losses, never, often).of("monthly").days_worse == 0
    by_chance = Losses({"a": 0.3, "b": 0.2999, "c": 0.3})
    assert compared(by_chance, never, often).of("never").days_worse == 0


def test_a_false_alarm_is_a_training_whose_challenger_is_no_better_on_what_follows() -> None:
    """Whatever the gates said of it; where nothing followed it is not known."""
    asked = [
        training(2, "b", "a", "promoted"),
        training(4, "c", "b", "refused"),
        training(8, "c", "b", "promoted"),
    ]
    often = policy("monthly", "aabbbbbb", rank=2, requests=asked)
    figures = compared(Losses({"a": 0.3, "b": 0.2, "c": 0.25}), often).of("monthly")
    assert (figures.trainings, figures.rejections) == (3, 1)
    assert (figures.false_alarms, figures.judged) == (1, 2)
    assert figures.policy.fit_seconds == 6.0


def test_only_windows_that_every_policy_served_are_compared() -> None:
    """One without a metric, or before the first model of any of them, is left out."""
    late = policy("never", "aaaaaaaa", rank=0)
    later = PlayedPolicy("spec", "spec", 20, {3: "a", 4: "a", 5: "a"}, (), late.models)
    found = compared(Losses({"a": 0.3}, undefined=frozenset({4})), late, later)
    assert [one.step for one in found.windows] == [3, 5]
    assert "2 windows after the first model" in " ".join(recommend(found).reasons)
    assert compare([late, later], WINDOWS[:2], Losses({"a": 0.3})) is None


def test_present_rules_that_train_as_often_are_compared_with_nothing() -> None:
    """A sentence on their trainings would name one number twice."""
    never, spec = policy("never", "aaaaaaaa", rank=0), policy("spec", "aaaaaaaa", rank=5)
    advice = recommend(compared(Losses({"a": 0.3, "b": 0.3, "c": 0.3}), never, spec))
    assert advice.name == "never"
    assert "The present rules" not in " ".join(advice.reasons)


@pytest.mark.parametrize(("constant", "is_told"), [(0.29, True), (0.31, False), (None, False)])
def test_a_recommendation_says_where_every_model_is_worse_than_a_constant(
    constant: float | None, is_told: object
) -> None:
    """The least loss of all is none to be content with, whatever the cadence."""
    windows = [replace(one, constant=constant) for one in WINDOWS]
    never = policy("never", "aaaaaaaa", rank=0)
    found = compare([never], windows, Losses({"a": 0.3, "b": 0.3, "c": 0.3}))
    assert found is not None
    told = "In 8 of 8 windows never is worse than a constant"
    assert (told in " ".join(recommend(found).reasons)) is is_told
