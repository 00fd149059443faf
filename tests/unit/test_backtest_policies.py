"""Policies of a backtest: plain specs, which differ from the model's by their triggers alone."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.spec import ModelSpec
from slipway.stages.backtest.policies import chosen_policies, usual_policies
from slipway.wiring.scratch_container import ScratchContainer
from tests.support.backtest_env import write_project


@pytest.fixture
def spec(tmp_path: Path) -> ModelSpec:
    """The model of the ferries."""
    return ScratchContainer(write_project(tmp_path / "project"), tmp_path).model("ferry_delay")


def test_periods_show_the_cadences_that_are_no_shorter(spec: ModelSpec) -> None:
    """A history by months has no weekly policy, and asking for one says so."""
    by_month = [one.name for one in usual_policies(spec, by="month")]
    assert by_month == [
        "never",
        "quarterly",
        "monthly",
        "decay",
        "drift",
        "drift_and_decay",
        "spec",
    ]
    assert "weekly" in [one.name for one in usual_policies(spec, by="week")]
    with pytest.raises(BadParameter, match="cannot show the policy 'weekly'"):
        chosen_policies(["weekly"], spec, by="month")


def test_an_unknown_policy_is_refused_with_the_nearest_name(spec: ModelSpec) -> None:
    """It names those that there are."""
    with pytest.raises(BadParameter, match="did you mean 'monthly'"):
        chosen_policies(["montly"], spec, by="day")


def test_only_the_triggers_of_a_policy_differ_from_the_spec(spec: ModelSpec) -> None:
    """Gates, training and monitoring are the model's own under every policy."""
    for policy in usual_policies(spec, by="day", grid=True):
        left = policy.spec.model_dump(exclude={"retraining": True, "monitoring": {"fire"}})
        assert left == spec.model_dump(exclude={"retraining": True, "monitoring": {"fire"}})
        assert policy.until_first.retraining.mode == "auto"


def test_the_simplest_policy_has_the_lowest_rank(spec: ModelSpec) -> None:
    """Never, then cadences from the longest on, then signals, then the spec and the grid."""
    ranks = [one.rank for one in usual_policies(spec, by="day", grid=True)]
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(ranks)


def test_the_grid_varies_windows_and_cool_downs(spec: ModelSpec) -> None:
    """Each variant once, and only where it was asked for."""
    longer = spec.retraining.model_copy(update={"cooldown_days": 3})
    named = chosen_policies(["grid"], spec.model_copy(update={"retraining": longer}), by="day")
    assert [one.name for one in named] == [
        f"grid:{fire}/{days}d" for fire in ("1of1", "1of2", "2of3") for days in (3, 6)
    ]


def test_the_rules_of_every_policy_are_valid_and_no_breaker_stops_a_cadence(
    spec: ModelSpec,
) -> None:
    """Nothing but the gates stands between a tick and its model."""
    for policy in usual_policies(spec, by="day", grid=True):
        rules = policy.spec.retraining
        assert type(rules).model_validate(rules.model_dump()) == rules
        if policy.name in {"weekly", "monthly", "quarterly"}:
            assert (rules.breaker, rules.budget) == (None, None)
