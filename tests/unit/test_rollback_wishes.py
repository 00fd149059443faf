"""One wish is one step back, whoever else asks at the same time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from slipway.errors import BadParameter
from slipway.stages.rollout.lease import LEASE_SECONDS
from tests.support.rollout_env import MODEL, RolloutEnv, verified


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_all_rollbacks_asked_for_beside_a_canary_end_at_the_champion(env: RolloutEnv) -> None:
    """Two by shell and one that Airflow queued: the canary goes, the champion stays."""
    env.shift(verified(env), 10)
    asked_at = datetime.now(UTC)
    first = env.roll("previous", holder="shell-1", asked_at=asked_at)
    assert first == ["repair", "verified", "switched", "promoted"]
    for holder in ("shell-2", "queued"):
        record = env.reconcile("previous", holder=holder, asked_at=asked_at)
        assert record.verdict.action == "nothing"
        assert "Version 3 was taken back by rollout-000002" in record.verdict.reason
    assert (env.weights(), env.registry.aliases["champion"]) == ({2: 1.0}, 2)
    assert env.is_free()


def test_a_rollback_asked_for_beside_a_canary_that_ends_by_itself(env: RolloutEnv) -> None:
    """The canary was aborted before the rollback could begin: there is nothing left to undo."""
    run = verified(env)
    env.platform.failing = {3: 0.5}

    def ask_while_it_runs(seconds: float) -> None:
        asked.append(datetime.now(UTC))
        RolloutEnv.sleep(env, seconds)

    asked: list[datetime] = []
    env.sleep = ask_while_it_runs  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "aborted"
    record = env.reconcile("previous", holder="person", asked_at=asked[0])
    assert record.verdict.action == "nothing"
    assert env.registry.aliases["champion"] == 2


def test_two_rollbacks_at_once_are_one_step(env: RolloutEnv) -> None:
    """The second waits for the first, which is no canary; then it has nothing to do."""
    asked_at = datetime.now(UTC)
    run = env.reconcile("previous", holder="shell-1", asked_at=asked_at).ref.run

    def finish_meanwhile(seconds: float) -> None:
        if env.now == 0:
            env.verify(run)
            env.switch(run)
            env.promote(run)
        RolloutEnv.sleep(env, seconds)

    env.sleep = finish_meanwhile  # type: ignore[method-assign]
    record = env.reconcile("previous", holder="shell-2", asked_at=asked_at)
    assert "Version 1 was restored by rollout-000001" in record.verdict.reason
    assert 0 < env.now < LEASE_SECONDS
    assert env.registry.aliases["champion"] == 1


def test_two_rollbacks_at_once_beside_a_canary_end_well(env: RolloutEnv) -> None:
    """The second waits for the first to confirm the champion; both were fulfilled."""
    env.shift(verified(env), 10)
    asked_at = datetime.now(UTC)
    run = env.reconcile("previous", holder="shell-1", asked_at=asked_at).ref.run
    actions: list[str] = []

    def finish_meanwhile(seconds: float) -> None:
        if not actions:
            stages = (env.verify, env.switch, env.promote)
            actions.extend(stage(run).verdict.action for stage in stages)
        RolloutEnv.sleep(env, seconds)

    env.sleep = finish_meanwhile  # type: ignore[method-assign]
    record = env.reconcile("previous", holder="shell-2", asked_at=asked_at)
    assert actions == ["verified", "switched", "promoted"]
    assert record.verdict.action == "nothing"
    assert "Version 3 was taken back by rollout-000002" in record.verdict.reason
    assert (env.weights(), env.registry.aliases["champion"]) == ({2: 1.0}, 2)
    assert env.is_free()


def test_a_rollback_overtakes_the_repair_of_a_sweep(env: RolloutEnv) -> None:
    """A repair by the sweep is no step back that was asked for."""
    env.platform.forget(MODEL)
    assert env.reconcile(holder="sweep").verdict.action == "repair"
    began = env.now
    assert env.reconcile("previous", holder="person").verdict.action == "roll_back"
    assert env.now == began


def test_a_later_wish_is_a_step_of_its_own(env: RolloutEnv) -> None:
    """After the first rollback has ended, another one goes further back, or says that it cannot."""
    assert env.roll("previous", holder="shell-1")[-1] == "promoted"
    with pytest.raises(BadParameter, match="there is no previous champion"):
        env.reconcile("previous", holder="shell-2")
    assert env.is_free()


def test_a_wish_from_before_a_promotion_undoes_it(env: RolloutEnv) -> None:
    """Asked for while the canary ran, which became champion meanwhile."""
    asked_at = datetime.now(UTC) - timedelta(seconds=1)
    assert env.roll()[-1] == "promoted"
    assert env.roll("previous", holder="person", asked_at=asked_at)[0] == "roll_back"
    assert env.registry.aliases["champion"] == 2
