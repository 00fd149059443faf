"""A rollback while MLflow does not answer: the traffic moves at once, the aliases follow."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.errors import RegistryUnavailable
from slipway.records import ledger
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.lease import give_back
from tests.support.rollout_env import MODEL, RolloutEnv, abandon, evidence, verified


class Away:
    """A registry that does not answer."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> None:
            raise RegistryUnavailable("MLflow does not answer")

        return refuse


@pytest.fixture
def env() -> RolloutEnv:
    """Version 3 was promoted over version 2, and 4 is its challenger."""
    made = RolloutEnv()
    made.registry.tags[4] = evidence(4, 3)
    for number, tags in made.registry.tags.items():
        tags[DIGEST] = f"sha-{number}"
    made.registry.aliases["challenger"] = 3
    assert made.roll(holder="promotion")[-1] == "promoted"
    made.registry.aliases["challenger"] = 4
    return made


def test_the_previous_champion_serves_at_once(env: RolloutEnv) -> None:
    """Version 2 was verified under its digest before; the sweep moves the aliases later."""
    remember(env, 2)
    present, env.registry = env.registry, Away()  # type: ignore[assignment]
    run = env.reconcile("previous", holder="person").ref.run
    assert "was verified by" in env.verify(run).verdict.reason
    assert env.switch(run).verdict.action == "switched"
    assert env.weights() == {2: 1.0}
    with pytest.raises(RegistryUnavailable):
        env.promote(run)
    env.registry = present
    assert present.aliases["champion"] == 3
    record = env.reconcile(holder="sweep", ended="person")
    assert f"{run} was stopped in promote_champion" in record.verdict.reason
    assert present.aliases["champion"] == 2
    assert present.tags[3]["slipway.rollout"] == "rolled_back"
    assert ledger.verify(env.store, MODEL) == []


def test_a_second_rollback_without_mlflow_is_the_same_step_back(
    env: RolloutEnv, caplog: pytest.LogCaptureFixture
) -> None:
    """However often it is asked for; each says once that the ledger stands in for MLflow."""
    remember(env, 2)
    present, env.registry = env.registry, Away()  # type: ignore[assignment]
    run = env.reconcile("previous", holder="person").ref.run
    env.verify(run)
    env.switch(run)
    with pytest.raises(RegistryUnavailable):
        env.promote(run)
    give_back(env.store, MODEL, holder="person")
    for holder in ("again", "and again"):
        caplog.clear()
        verdict = env.reconcile("previous", holder=holder).verdict
        assert verdict.action == "nothing"
        assert verdict.reason.startswith(f"Version 2 was restored by {run}, whose tags and aliases")
        assert caplog.text.count("the ledger tells which version is champion") == 1
        assert env.is_free()
        assert env.weights() == {2: 1.0}
    env.registry = present
    assert f"{run} was stopped" in env.reconcile(holder="sweep").verdict.reason
    assert present.aliases["champion"] == 2
    assert ledger.verify(env.store, MODEL) == []


def test_a_canary_is_taken_back_at_once(env: RolloutEnv) -> None:
    """Its tag follows with the next sweep, so it is not rolled out again."""
    env.shift(verified(env), 10)
    assert env.weights() == {4: 0.1, 3: 0.9}
    present, env.registry = env.registry, Away()  # type: ignore[assignment]
    assert env.reconcile("previous", holder="person").verdict.action == "repair"
    assert env.weights() == {3: 1.0}
    env.registry = present
    record = env.reconcile(holder="sweep", ended="person")
    assert "was stopped in take_back" in record.verdict.reason
    assert record.verdict.action == "nothing"
    assert present.tags[4]["slipway.rollout"] == "rolled_back"
    assert env.is_free()


@pytest.mark.parametrize("is_away", [False, True], ids=["with MLflow", "without"])
def test_a_switch_without_a_promotion_is_one_step(env: RolloutEnv, *, is_away: bool) -> None:
    """Version 4 has all requests, and its promotion waits for MLflow: version 3 gets them back."""
    run = verified(env)
    for step in env.spec.deployment.shift.steps:
        env.shift(run, step)
    env.switch(run)
    present, env.registry = env.registry, Away()  # type: ignore[assignment]
    with pytest.raises(RegistryUnavailable):
        env.promote(run)
    abandon(env)
    if not is_away:
        env.registry = present
    returned = env.reconcile("previous", holder="person").ref.run
    assert env.weights() == {3: 1.0}
    assert env.verify(returned).verdict.action == "verified"
    assert env.switch(returned).verdict.action == "switched"
    env.registry = present
    assert env.promote(returned).verdict.action == "promoted"
    env.reconcile(holder="sweep", ended="person")
    assert present.aliases == {"champion": 3, "previous": 2, "challenger": 4}
    assert present.tags[4]["slipway.rollout"] == "rolled_back"
    assert env.reconcile(holder="another sweep").verdict.action == "nothing"
    assert ledger.verify(env.store, MODEL) == []


def test_only_a_rollback_does_without_mlflow(env: RolloutEnv) -> None:
    """A sweep cannot know which version is the challenger."""
    env.registry = Away()  # type: ignore[assignment]
    with pytest.raises(RegistryUnavailable):
        env.reconcile(holder="sweep")


def remember(env: RolloutEnv, version: int) -> None:
    """Verify a version as its own rollout once did, and keep it warm."""
    run = env.reconcile(str(version), holder="earlier").ref.run
    assert env.verify(run).verdict.action == "verified"
    env.registry.tag(MODEL, version, {"slipway.rollout": "serving"})
    give_back(env.store, MODEL, holder="earlier")
    env.platform.apply(MODEL, weights={3: 1.0}, keep=[2], token=2, digests={2: "sha-2", 3: "sha-3"})
