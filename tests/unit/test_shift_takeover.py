"""A return to an earlier version while a step is in progress: which rollout gives way."""

from __future__ import annotations

import pytest

from slipway.errors import (
    LeaseHeld,
    Superseded,
)
from slipway.stages.rollout.platform import Served
from tests.support.rollout_env import MODEL, RolloutEnv, verified


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_a_way_back_takes_over_from_a_waiting_step(env: RolloutEnv) -> None:
    """The champion answers everything at once; the step may not go on; the version stays back."""
    run = verified(env)

    def roll_back_once(seconds: float) -> None:
        if env.now == 0:
            assert env.weights() == {3: 0.1, 2: 0.9}
            taken = env.reconcile("previous", holder="person")
            assert taken.verdict.action == "repair"
            assert "a return from that was asked for" in taken.verdict.reason
            assert env.weights() == {2: 1.0}
        RolloutEnv.sleep(env, seconds)

    env.sleep = roll_back_once  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        env.shift(run, 10)
    with pytest.raises(Superseded):
        env.shift(run, 10)
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == "rolled_back"
    later = env.roll("previous", holder="person")
    assert later == ["repair", "verified", "switched", "promoted"]
    assert env.registry.aliases == {"champion": 2, "previous": 1, "challenger": 3}
    assert env.roll(holder="run-2") == ["nothing"]


def test_a_way_back_does_not_wait_for_a_verification(env: RolloutEnv) -> None:
    """Nothing is shared yet, so it leads to the previous champion; the challenger is not blamed."""
    run = verified(env)
    assert env.roll("previous", holder="person") == [
        *("roll_back", "verified", "switched", "promoted")
    ]
    with pytest.raises(Superseded):
        env.shift(run, 10)
    assert env.registry.aliases == {"champion": 1, "challenger": 3}
    assert env.registry.tags[3]["slipway.rollout"] == "verified"


@pytest.mark.parametrize("to", ["challenger", "1"])
def test_nothing_else_takes_over(env: RolloutEnv, to: str) -> None:
    """Only the way back is worth an unfinished rollout."""
    env.shift(verified(env), 10)
    with pytest.raises(LeaseHeld):
        env.reconcile(to, holder="run-2")
    assert env.weights() == {3: 0.1, 2: 0.9}


def test_a_rollout_that_has_switched_is_not_taken_over(env: RolloutEnv) -> None:
    """It is over in a moment, and its aliases shall not move behind a way back."""
    env.switch(env.until_switch())
    with pytest.raises(LeaseHeld):
        env.reconcile("previous", holder="person")


def test_a_way_back_goes_no_further_than_it_was_asked_to(env: RolloutEnv) -> None:
    """If the version was taken back meanwhile, the champion does not pay for it."""
    run = verified(env)
    env.shift(run, 10)
    look_again = env.platform.served
    in_force = [look_again(MODEL), Served({2: 1.0}, {2: True}, (1,), 1)]
    env.platform.served = lambda _: in_force.pop(0)  # type: ignore[method-assign]
    record = env.reconcile("previous", holder="person")
    assert record.verdict.action == "nothing"
    assert "was taken back meanwhile" in record.verdict.reason
    assert env.registry.aliases["champion"] == 2
    assert env.is_free()
