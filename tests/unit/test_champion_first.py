"""The champion is put back first; a version that may not serve keeps no share."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from slipway.errors import BadParameter, RegistryUnavailable, RolloutRefused, StoreUnavailable
from slipway.records.champion_history import champion_as_of
from slipway.records.open_work import open_stages
from slipway.records.run_records import RunRef
from slipway.records.verified_versions import remember_verified
from slipway.stages.model.version_tags import DIGEST
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv, abandon, verified


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_a_switched_version_that_is_refused_loses_the_traffic(env: RolloutEnv) -> None:
    """The rollout died before it was champion, and its version fails when it is verified again."""
    env.switch(env.until_switch())
    assert env.weights() == {3: 1.0}
    abandon(env)
    env.platform.lenient = True
    assert env.roll(holder="sweep") == ["roll_out", "refused"]
    assert env.weights() == {2: 1.0}
    env.platform.lenient = False
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="sweep-2") == STEPPED
    assert env.weights() == {4: 1.0}


def test_a_switched_version_that_was_deleted_loses_the_traffic(env: RolloutEnv) -> None:
    """At the next sweep, before anything else; a fresh challenger is reached after it."""
    env.switch(env.until_switch())
    abandon(env)
    del env.registry.tags[3], env.registry.aliases["challenger"]
    record = env.reconcile(holder="sweep")
    assert record.verdict.action == "repair"
    assert "version 3 takes requests though it was deleted" in record.verdict.reason
    assert env.weights() == {2: 1.0}
    env.roll(holder="sweep")
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="sweep-2") == STEPPED


@pytest.mark.parametrize("failure", [RuntimeError("a bug"), KeyboardInterrupt()])
def test_a_step_that_fails_gives_the_traffic_back(env: RolloutEnv, failure: BaseException) -> None:
    """Also an unexpected error, and a stop; a retry begins the step anew."""
    run = verified(env)

    def fail(_: float) -> None:
        assert env.weights() == {3: 0.1, 2: 0.9}
        raise failure

    env.sleep = fail  # type: ignore[method-assign]
    with pytest.raises(type(failure)):
        env.shift(run, 10)
    assert env.weights() == {2: 1.0}
    del env.sleep  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "shifted"


def test_a_switch_that_fails_gives_the_traffic_back(
    env: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The read-back raises an error that no verdict covers."""
    run = env.until_switch()

    def away(*_: object, **__: object) -> None:
        raise StoreUnavailable("the store does not answer")

    with monkeypatch.context() as patched:
        patched.setattr("slipway.stages.rollout.switch.find_wrong_answer", away)
        with pytest.raises(StoreUnavailable):
            env.switch(run)
    assert env.weights() == {2: 1.0}
    assert env.switch(run).verdict.action == "switched"


def test_a_verdict_whose_tag_fails_is_carried_out_by_the_sweep(
    env: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow goes away after the canary was judged: the traffic is back, the tag follows."""
    run = verified(env)
    env.platform.failing = {3: 0.5}

    def away(*_: object) -> None:
        raise RegistryUnavailable("MLflow does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(env.registry, "tag", away)
        with pytest.raises(RegistryUnavailable):
            env.shift(run, 10)
    assert env.weights() == {2: 1.0}
    record = env.reconcile(holder="sweep", ended="run-1")
    assert f"{run} was stopped in shift_10" in record.verdict.reason
    assert record.verdict.action == "nothing"
    assert env.registry.tags[3]["slipway.rollout"] == "aborted"
    assert env.is_free()


def test_a_champion_that_cannot_be_verified_keeps_serving(env: RolloutEnv) -> None:
    """A repair that fails takes nothing back: its version is the champion."""
    env.platform.apply(MODEL, weights={1: 1.0}, keep=[2], token=0)
    run = env.reconcile(holder="sweep").ref.run
    env.platform.lenient = True
    assert env.verify(run).verdict.action == "refused"
    assert env.weights() == {2: 1.0}


def test_what_serves_is_the_fallback_where_the_alias_was_deleted(env: RolloutEnv) -> None:
    """A challenger that is refused leaves the traffic where it was."""
    del env.registry.aliases["champion"]
    env.platform.failing = {3: 0.5}
    assert env.roll() == ["roll_out", "verified", "aborted"]
    assert env.weights() == {2: 1.0}


def test_a_champion_by_hand_that_was_refused_never_serves(env: RolloutEnv) -> None:
    """Not as the fallback of a later canary either, which fails and gives the traffic back."""
    served_alone(env, 1, champion=4)
    env.registry.tags[4]["slipway.rollout"] = "refused"
    env.registry.tags[3] = {}
    env.platform.failing = {3: 0.5}
    assert env.roll() == ["roll_out", "verified", "aborted"]
    assert env.weights() == {1: 1.0}
    assert env.roll(holder="sweep") == ["nothing"]
    assert env.weights() == {1: 1.0}


def test_a_champion_by_hand_that_was_aborted_is_no_repair(env: RolloutEnv) -> None:
    """It was verified, and its canary failed: what serves stays."""
    served_alone(env, 1, champion=3)
    env.registry.tags[3]["slipway.rollout"] = "aborted"
    remember_verified(env.store, RunRef(MODEL, "before", "verify"), version=3, sha256="3" * 64)
    assert env.roll() == ["nothing"]
    assert env.weights() == {1: 1.0}


def test_a_canary_without_a_champion_ends_at_what_served_before(env: RolloutEnv) -> None:
    """The rollout died, and its version and the alias of the champion were deleted in MLflow."""
    env.shift(verified(env), 10)
    abandon(env)
    env.registry.delete_version(3)
    del env.registry.aliases["champion"]
    assert env.roll(holder="sweep")[0] == "repair"
    assert env.weights() == {2: 1.0}
    assert env.roll(holder="sweep-2") == ["nothing"]


def test_a_crashing_canary_without_a_champion_gives_the_traffic_back(env: RolloutEnv) -> None:
    """The rollout died, and the alias of the champion was deleted: the next one shifts, too."""
    env.shift(verified(env), 10)
    abandon(env)
    del env.registry.aliases["champion"]
    env.registry.tags[3].clear()
    env.platform.failing = {3: 0.5}
    assert env.roll(holder="sweep")[-1] == "aborted"
    assert env.weights() == {2: 1.0}


def test_what_a_failed_rollback_left_open_is_closed(env: RolloutEnv) -> None:
    """It had nothing to go back to; the next sweep finds nothing to complete."""
    del env.registry.aliases["previous"], env.registry.aliases["challenger"]
    with pytest.raises(BadParameter, match="there is no previous champion"):
        env.reconcile("previous", holder="person")
    assert len(list(open_stages(env.store, MODEL))) == 1
    env.roll(holder="sweep")
    assert list(open_stages(env.store, MODEL)) == []


def served_alone(env: RolloutEnv, version: int, *, champion: int) -> None:
    """One version has all traffic; a hand moved the alias `champion` to another one."""
    env.platform.apply(MODEL, weights={version: 1.0}, keep=[], token=0)
    env.registry.aliases["champion"] = champion
    env.registry.tags[champion] = {DIGEST: str(champion) * 64}


def test_what_served_before_stays_if_a_rollout_of_it_fails(env: RolloutEnv) -> None:
    """It was asked for by its number after the alias was deleted: nothing else could serve."""
    del env.registry.aliases["champion"], env.registry.aliases["challenger"]
    env.registry.tags[2]["slipway.rollout"] = "serving"
    env.platform.lenient = True
    assert env.roll("2")[-1] == "refused"
    assert env.weights() == {2: 1.0}
    assert env.roll(holder="sweep") == ["nothing"]


def test_a_repair_that_cannot_be_completed_leaves_the_traffic(env: RolloutEnv) -> None:
    """The champion's version was deleted in MLflow after the repair was decided."""
    env.platform.apply(MODEL, weights={1: 1.0}, keep=[], token=0)
    del env.registry.aliases["challenger"]
    run = env.reconcile().ref.run
    env.verify(run)
    env.switch(run)
    env.registry.anchor = gone  # type: ignore[method-assign]
    env.registry.set_alias = gone  # type: ignore[method-assign]
    with pytest.raises(RegistryUnavailable):
        env.promote(run)
    del env.registry.anchor, env.registry.set_alias
    env.registry.delete_version(2)
    abandon(env)
    env.roll(holder="sweep")
    assert env.weights() == {2: 1.0}


def gone(*_: object) -> None:
    """Stand for a method of MLflow that does not answer."""
    raise RegistryUnavailable("MLflow does not answer")


def test_a_repair_that_was_stopped_enters_the_champion_in_the_ledger(env: RolloutEnv) -> None:
    """A hand moved the alias back, and the rollout died as soon as the traffic had followed."""
    assert env.roll()[-1] == "promoted"
    env.registry.aliases["champion"] = 2
    assert env.reconcile(holder="dead").verdict.action == "repair"
    abandon(env)
    env.roll(holder="sweep")
    assert env.weights() == {2: 1.0}
    entered = champion_as_of(env.store, MODEL, datetime.now(UTC))
    assert entered is not None
    assert entered.version == 2


def test_a_candidate_that_was_deleted_after_its_verification_is_taken_back(
    env: RolloutEnv,
) -> None:
    """At the switch, before it gets all traffic; at the promotion, before anything else."""
    run = env.until_switch()
    tags = env.registry.tags.pop(3)
    assert env.switch(run).verdict.action == "aborted"
    assert env.weights() == {2: 1.0}
    env.registry.tags[3] = {**tags, "slipway.rollout": "verified"}
    later = env.reconcile("3", holder="run-2").ref.run
    env.verify(later)
    for step in env.spec.deployment.shift.steps:
        env.shift(later, step)
    assert env.switch(later).verdict.action == "switched"
    del env.registry.tags[3]
    with pytest.raises(RolloutRefused, match="Version 3 was taken back, version 2 serves"):
        env.promote(later)
    assert env.weights() == {2: 1.0}
