"""What stages do about an edit by hand: none of them goes forward, every way back is open."""

from __future__ import annotations

import pytest

from slipway.errors import EditedByHand
from slipway.records import ledger
from slipway.stages.rollout.plan import read_plan
from slipway.stages.rollout.shift import restore_fallback
from tests.support.rollout_env import MODEL, RolloutEnv

EDIT = "Deployment delay-v3: .spec.template set by kubectl-set"


@pytest.fixture
def yard() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def edit(yard: RolloutEnv, *, is_traffic: bool = False) -> None:
    """Let somebody have edited something."""
    yard.platform.edited, yard.platform.has_edited_traffic = EDIT, is_traffic


def undo(yard: RolloutEnv) -> None:
    """Let it be as it was."""
    yard.platform.edited, yard.platform.has_edited_traffic = None, False


def test_nothing_begins_while_something_is_edited(yard: RolloutEnv) -> None:
    """Not even `nothing` is said then; the lease is free, and undone, all goes well."""
    edit(yard)
    for challenger in (3, 2):
        yard.registry.aliases["challenger"] = challenger
        with pytest.raises(EditedByHand, match="edited by hand") as caught:
            yard.reconcile()
        assert EDIT in str(caught.value)
        assert "hand it back" in str(caught.value)
    assert yard.is_free()
    undo(yard)
    yard.registry.aliases["challenger"] = 3
    assert yard.roll()[-1] == "promoted"


def test_no_step_and_no_switch_goes_forward(yard: RolloutEnv) -> None:
    """The shares stay as they were, and nothing is decided of the version."""
    run = yard.reconcile().ref.run
    yard.verify(run)
    edit(yard)
    with pytest.raises(EditedByHand):
        yard.shift(run, 10)
    assert yard.weights() == {2: 1.0}
    undo(yard)
    for step in yard.spec.deployment.shift.steps:
        assert yard.shift(run, step).verdict.action == "shifted"
    edit(yard)
    with pytest.raises(EditedByHand):
        yard.switch(run)
    assert yard.weights() == {3: 0.5, 2: 0.5}
    assert yard.registry.tags[3]["slipway.rollout"] != "aborted"
    undo(yard)
    assert yard.switch(run).verdict.action == "switched"


def test_no_alias_moves_to_what_was_edited(yard: RolloutEnv) -> None:
    """The read-back sees it; undone, the same stage goes on."""
    run = yard.until_switch()
    yard.switch(run)
    edit(yard)
    with pytest.raises(EditedByHand) as caught:
        yard.promote(run)
    assert EDIT in str(caught.value)
    assert yard.registry.aliases["champion"] == 2
    undo(yard)
    assert yard.promote(run).verdict.action == "promoted"


def test_a_canary_is_taken_back_all_the_same(yard: RolloutEnv) -> None:
    """By the step itself, by whoever asks for the way back, and after a step that was killed."""
    run = yard.reconcile().ref.run
    yard.verify(run)
    yard.shift(run, 10)
    edit(yard)
    restore_fallback(read_plan(yard.store, MODEL, run), yard.platform)
    assert yard.weights() == {2: 1.0}
    undo(yard)
    yard.shift(run, 50)
    edit(yard)
    verdict = yard.reconcile("previous", holder="run-2").verdict
    assert verdict.action == "repair"
    assert verdict.reason.endswith(f"Edited by hand, and left so: {EDIT}.")
    assert yard.weights() == {2: 1.0}
    assert yard.registry.tags[3]["slipway.rollout"] == "rolled_back"


def test_a_rollback_goes_through_and_says_what_was_edited(yard: RolloutEnv) -> None:
    """Every stage of it, and the ledger has it."""
    edit(yard)
    assert yard.roll("previous") == ["roll_back", "verified", "switched", "promoted"]
    assert yard.served() == 1
    first = ledger.read(yard.store, MODEL)[0]
    assert EDIT in str(first)


def test_only_edited_traffic_holds_a_way_back_up(yard: RolloutEnv) -> None:
    """To move it would be to overwrite it."""
    edit(yard, is_traffic=True)
    with pytest.raises(EditedByHand):
        yard.reconcile("previous")
    assert yard.weights() == {2: 1.0}
    assert yard.is_free()
