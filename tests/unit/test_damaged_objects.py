"""Damaged objects of the store stop neither a rollback nor a sweep."""

from __future__ import annotations

import pytest

from slipway.errors import RegistryUnavailable
from slipway.records.leases import find_lease
from slipway.records.open_work import open_stages
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


@pytest.mark.parametrize("damage", [b"garbage", b"", b"[]", b"{}"])
def test_a_damaged_decision_is_none(env: RolloutEnv, damage: bytes) -> None:
    """The sweep treats the stage as undecided; a repeat of the stage decides again."""
    run = env.until_switch()
    env.switch(run)
    env.store.write(f"runs/{MODEL}/{run}/promote_champion/decision.json", damage)
    assert env.promote(run).verdict.action == "promoted"
    assert env.registry.aliases["champion"] == 3


def test_a_sweep_goes_on_beside_a_damaged_decision(
    env: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The rollout was stopped while it carried the decision out."""
    run = env.until_switch()
    env.switch(run)

    def away(*_: object) -> None:
        raise RegistryUnavailable("MLflow does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(env.registry, "set_alias", away)
        with pytest.raises(RegistryUnavailable):
            env.promote(run)
    env.store.write(f"runs/{MODEL}/{run}/promote_champion/decision.json", b"garbage")
    sweep = env.roll(holder="sweep-1")
    assert sweep == ["nothing"], "its lease is held"
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    record = env.reconcile(holder="sweep-2", ended=lease.holder)
    assert record.verdict.action == "roll_out"


@pytest.mark.parametrize("damage", [b"garbage{", b"", b"{}"])
def test_a_damaged_lease_counts_as_expired(env: RolloutEnv, damage: bytes) -> None:
    """Its number fences all the same."""
    assert env.roll() == STEPPED
    env.store.write(f"leases/rollout-{MODEL}/00000001.json", damage)
    assert env.roll("previous", holder="person")[-1] == "promoted"
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    assert lease.number == 2


def test_strange_objects_among_the_open_stages_are_nobodys_work(env: RolloutEnv) -> None:
    """They stop no sweep and no rollback."""
    for name in ("junk", "a/b/c.json", "rollout-000001/note.txt", "rollout-999999/verify.json"):
        env.store.write(f"open/{MODEL}/{name}", b"x")
    assert env.roll() == STEPPED
    assert env.roll("previous", holder="person")[-1] == "promoted"
    assert [ref.run for ref in open_stages(env.store, MODEL)] == ["rollout-999999"]
    assert env.roll(holder="sweep") == ["nothing"]
