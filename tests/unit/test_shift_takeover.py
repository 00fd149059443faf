"""A rollback during a step of another rollout: which of them gives way."""

from __future__ import annotations

import pytest

from slipway.errors import (
    LeaseHeld,
    Superseded,
)
from slipway.stages.rollout.lease import LEASE_SECONDS
from slipway.stages.rollout.platform import Served
from tests.support.rollout_env import MODEL, RolloutEnv, verified


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_a_rollback_supersedes_a_waiting_step(env: RolloutEnv) -> None:
    """The champion has all traffic at once; the step may not go on; the version stays back."""
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


def test_a_rollback_supersedes_a_verification(env: RolloutEnv) -> None:
    """Before any share it returns to the previous champion; the challenger keeps its tag."""
    run = verified(env)
    assert env.roll("previous", holder="person") == [
        *("roll_back", "verified", "switched", "promoted")
    ]
    with pytest.raises(Superseded):
        env.shift(run, 10)
    assert env.registry.aliases == {"champion": 1, "challenger": 3}
    assert env.registry.tags[3]["slipway.rollout"] == "verified"


def test_only_a_rollback_takes_over(env: RolloutEnv) -> None:
    """The sweep does nothing; a version that is asked for by number waits, then gives up."""
    env.shift(verified(env), 10)
    assert env.reconcile(holder="run-2").verdict.action == "nothing"
    began = env.now
    with pytest.raises(LeaseHeld):
        env.reconcile("1", holder="run-2")
    assert env.now - began > LEASE_SECONDS
    assert env.weights() == {3: 0.1, 2: 0.9}


def test_a_rollout_that_has_switched_is_not_taken_over(env: RolloutEnv) -> None:
    """It ends soon, and its aliases must not move after a rollback."""
    env.switch(env.until_switch())
    with pytest.raises(LeaseHeld):
        env.reconcile("previous", holder="person")


def test_a_rollback_affects_only_the_version_in_question(env: RolloutEnv) -> None:
    """If that was rolled back meanwhile, the champion stays."""
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
