"""Decide a rollout: one decision for every observed state."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.errors import BadParameter
from slipway.stages.rollout.decide_rollout import decide_rollout
from slipway.stages.rollout.observed_state import ObservedState, RolloutDecision


def facts(**known: Any) -> ObservedState:
    """Version 2 is champion and served, 1 is previous; some of it changed."""
    usual: dict[str, Any] = {
        "champion": 2,
        "previous": 1,
        "challenger": None,
        "blocked": {},
        "served": 2,
        "unfinished": None,
    }
    return ObservedState(**usual | known)


@pytest.mark.parametrize(
    ("known", "to", "action", "version"),
    [
        ({}, "challenger", "nothing", None),
        ({"champion": None, "served": None}, "challenger", "nothing", None),
        ({"champion": None, "served": None, "challenger": 1}, "challenger", "roll_out", 1),
        ({"challenger": 3}, "challenger", "roll_out", 3),
        ({"challenger": 2}, "challenger", "nothing", None),
        ({"challenger": 3, "blocked": {3: "refused"}}, "challenger", "nothing", None),
        ({"challenger": 3, "blocked": {3: "rolled_back"}}, "challenger", "nothing", None),
        ({"served": None}, "challenger", "repair", 2),
        ({"served": 1}, "challenger", "repair", 2),
        ({"served": None, "challenger": 3}, "challenger", "repair", 2),
        ({"served": 3, "challenger": 3}, "challenger", "roll_out", 3),
        ({"served": 3, "unfinished": ("roll_out", 3)}, "challenger", "roll_out", 3),
        ({"served": 1, "unfinished": ("roll_back", 1)}, "challenger", "roll_back", 1),
        ({"unfinished": ("roll_out", 3), "challenger": 3}, "challenger", "roll_out", 3),
        ({}, "previous", "roll_back", 1),
        ({"served": 1, "unfinished": ("roll_back", 1)}, "previous", "roll_back", 1),
        ({"served": 3, "unfinished": ("roll_out", 3)}, "previous", "repair", 2),
        ({}, "1", "roll_back", 1),
        ({"blocked": {3: "rolled_back"}}, "3", "roll_out", 3),
        ({}, "2", "nothing", None),
        ({"served": None}, "2", "repair", 2),
    ],
)
def test_what_is_decided(known: dict[str, Any], to: str, action: str, version: int | None) -> None:
    """Every state has one action, with a reason in a sentence."""
    decision = decide_rollout(facts(**known), to, model="delay")
    assert (decision.action, decision.version) == (action, version)
    assert decision.reason.endswith(".")


@pytest.mark.parametrize(
    ("known", "to"),
    [
        ({"previous": None}, "previous"),
        ({"blocked": {1: "rolled_back"}}, "previous"),
        ({}, "champion"),
        ({}, "-1"),
    ],
)
def test_what_cannot_be_rolled_out(known: dict[str, Any], to: str) -> None:
    """A rollback without effect, or an unknown target, is refused."""
    with pytest.raises(BadParameter):
        decide_rollout(facts(**known), to, model="delay")


def test_a_decision_is_a_value() -> None:
    """Equal decisions have equal fields."""
    assert decide_rollout(facts(challenger=3), "challenger", model="delay") == RolloutDecision(
        "roll_out", 3, "version 3 is challenger, and version 2 is served."
    )
