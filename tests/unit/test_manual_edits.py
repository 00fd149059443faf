"""Stages of a rollout after a manual edit: none goes forward, every rollback is possible."""

from __future__ import annotations

import pytest

from slipway.errors import EditedByHand
from slipway.records import ledger
from slipway.stages.rollout.fallback import restore_fallback
from slipway.stages.rollout.plan import read_plan
from tests.support.rollout_env import MODEL, RolloutEnv

EDIT = "Deployment delay-v3: .spec.template set by kubectl-set"


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def edit(env: RolloutEnv, *, is_traffic: bool = False) -> None:
    """Report a manual edit."""
    env.platform.edited, env.platform.has_edited_traffic = EDIT, is_traffic


def undo(env: RolloutEnv) -> None:
    """Report no manual edit."""
    env.platform.edited, env.platform.has_edited_traffic = None, False


def test_nothing_begins_while_something_is_edited(env: RolloutEnv) -> None:
    """Not even `nothing` is recorded; the lease is free. Without the edit the rollout succeeds."""
    edit(env)
    for challenger in (3, 2):
        env.registry.aliases["challenger"] = challenger
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            env.reconcile()
        assert EDIT in str(caught.value)
        assert "hand it back" in str(caught.value)
    assert env.is_free()
    undo(env)
    env.registry.aliases["challenger"] = 3
    assert env.roll()[-1] == "promoted"


def test_no_step_and_no_switch_goes_forward(env: RolloutEnv) -> None:
    """The weights stay, and no verdict is recorded."""
    run = env.reconcile().ref.run
    env.verify(run)
    edit(env)
    with pytest.raises(EditedByHand):
        env.shift(run, 10)
    assert env.weights() == {2: 1.0}
    undo(env)
    for step in env.spec.deployment.shift.steps:
        assert env.shift(run, step).verdict.action == "shifted"
    edit(env)
    with pytest.raises(EditedByHand):
        env.switch(run)
    assert env.weights() == {3: 0.5, 2: 0.5}
    assert env.registry.tags[3]["slipway.rollout"] != "aborted"
    undo(env)
    assert env.switch(run).verdict.action == "switched"


def test_no_alias_moves_to_what_was_edited(env: RolloutEnv) -> None:
    """The read-back finds it; without the edit, the same stage goes on."""
    run = env.until_switch()
    env.switch(run)
    edit(env)
    with pytest.raises(EditedByHand) as caught:
        env.promote(run)
    assert EDIT in str(caught.value)
    assert env.registry.aliases["champion"] == 2
    undo(env)
    assert env.promote(run).verdict.action == "promoted"


def test_an_edited_canary_is_rolled_back(env: RolloutEnv) -> None:
    """By the step itself, by a rollback, and after a step that was killed."""
    run = env.reconcile().ref.run
    env.verify(run)
    env.shift(run, 10)
    edit(env)
    restore_fallback(read_plan(env.store, MODEL, run), env.platform)
    assert env.weights() == {2: 1.0}
    undo(env)
    env.shift(run, 50)
    edit(env)
    verdict = env.reconcile("previous", holder="run-2").verdict
    assert verdict.action == "repair"
    assert verdict.reason.endswith(f"Edited by hand, and left so: {EDIT}.")
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == "rolled_back"


def test_a_rollback_succeeds_and_records_the_edit(env: RolloutEnv) -> None:
    """Every stage of it, and the ledger has the edit."""
    edit(env)
    assert env.roll("previous") == ["roll_back", "verified", "switched", "promoted"]
    assert env.served() == 1
    first = ledger.read(env.store, MODEL)[0]
    assert EDIT in str(first)


def test_only_edited_traffic_stops_a_rollback(env: RolloutEnv) -> None:
    """A rollback would overwrite the edit."""
    edit(env, is_traffic=True)
    with pytest.raises(EditedByHand):
        env.reconcile("previous")
    assert env.weights() == {2: 1.0}
    assert env.is_free()
