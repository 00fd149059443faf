"""A rollback that fails leaves the way back open: it may be asked for again at once."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest

from slipway.errors import PlatformUnavailable, RegistryUnavailable
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.report.why import why
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv, evidence

BACK = ["roll_back", "verified", "switched", "promoted"]


@pytest.fixture
def env() -> RolloutEnv:
    """Versions 3 and 4 passed whole rollouts one after the other: 4 serves, 3 served before."""
    made = RolloutEnv()
    made.registry.tags[4] = evidence(4, 3)
    for number, tags in made.registry.tags.items():
        tags[DIGEST] = f"sha-{number}"
    for version in (3, 4):
        made.registry.aliases["challenger"] = version
        assert made.roll(holder=f"promotion-{version}") == STEPPED
    return made


@dataclass
class FullDisk:
    """Answers of the platform while no prediction can be logged."""

    env: RolloutEnv

    def __enter__(self) -> None:
        self.env.platform.ask = self._refuse  # type: ignore[method-assign]

    def __exit__(self, *_: object) -> None:
        del self.env.platform.ask

    @staticmethod
    def _refuse(*_: object, **__: object) -> Any:
        raise PlatformUnavailable("no answer", found="503: the disk is full")


class Away:
    """A registry that does not answer."""

    def __getattr__(self, name: str) -> Any:
        def refuse(*_: object, **__: object) -> None:
            raise RegistryUnavailable("MLflow does not answer")

        return refuse


def refused_by_verify(env: RolloutEnv) -> list[str]:
    """The candidate accepts bad inputs."""
    env.platform.lenient = True
    actions = env.roll("previous", holder="person")
    env.platform.lenient = False
    return actions


def aborted_by_switch(env: RolloutEnv) -> list[str]:
    """The read-back is answered with 503."""
    with FullDisk(env):
        return env.roll("previous", holder="person")


@pytest.mark.parametrize(
    ("fail", "last"), [(refused_by_verify, "refused"), (aborted_by_switch, "aborted")]
)
def test_a_rollback_that_failed_may_be_asked_for_again(
    env: RolloutEnv, fail: Any, last: str
) -> None:
    """The champion serves, the previous one is still that, warm, and no tag blocks it."""
    assert fail(env)[-1] == last
    assert env.registry.aliases == {"champion": 4, "previous": 3}
    assert env.registry.tags[3][ROLLOUT_TAG] == "served"
    served = env.platform.served(MODEL)
    assert served is not None
    assert (dict(served.weights), served.keep, served.digests[3]) == ({4: 1.0}, (3,), "sha-3")
    ports: Any = {"store": env.store, "registry": env.registry, "platform": env.platform}
    [refused] = [line for line in why(MODEL, **ports) if line.startswith("Refused: ")]
    assert "The rollback to version 3 failed: Version 3 " in refused
    assert env.reconcile(holder="sweep").verdict.action == "nothing"
    assert env.roll("previous", holder="person-2") == BACK
    assert (env.weights(), env.registry.aliases["champion"]) == ({3: 1.0}, 3)


def test_it_may_be_asked_for_again_while_mlflow_is_away(env: RolloutEnv) -> None:
    """The server of the previous version still runs, under the digest that was verified."""
    assert aborted_by_switch(env)[-1] == "aborted"
    env.registry = Away()  # type: ignore[assignment]
    run = env.reconcile("previous", holder="person-2").ref.run
    assert env.verify(run).verdict.action == "verified"
    assert env.switch(run).verdict.action == "switched"
    assert env.weights() == {3: 1.0}


@pytest.mark.parametrize("outcome", ["aborted", "refused", "inconclusive"])
def test_a_tag_of_a_rollback_that_failed_before_blocks_nothing(
    env: RolloutEnv, outcome: str
) -> None:
    """Rollbacks that failed once set such tags."""
    env.registry.tags[3][ROLLOUT_TAG] = outcome
    assert env.roll("previous") == BACK
    assert env.registry.tags[3][ROLLOUT_TAG] == "serving"


def test_a_version_that_was_rolled_back_and_fails_again_is_not_left_as_verified(
    env: RolloutEnv,
) -> None:
    """Its number was given, which overrides the tag until it is verified, and no longer."""
    env.registry.tags[3][ROLLOUT_TAG] = "rolled_back"
    with FullDisk(env):
        assert env.roll("3", holder="person") == ["roll_back", "verified", "aborted"]
    assert env.registry.tags[3][ROLLOUT_TAG] == "aborted"


def test_other_bytes_under_the_number_are_no_way_back(env: RolloutEnv) -> None:
    """They never served, so a failure is tagged."""
    env.registry.tags[3] = {DIGEST: "other", ROLLOUT_TAG: "verified"}
    env.platform.forget(MODEL)
    env.platform.apply(MODEL, weights={4: 1.0}, keep=[], token=2, digests={4: "sha-4"})
    assert refused_by_verify(env)[-1] == "refused"
    assert env.registry.tags[3][ROLLOUT_TAG] == "refused"


def test_a_version_that_never_served_is_tagged(env: RolloutEnv) -> None:
    """It was asked for by a number below the champion's, and is no way back."""
    env.platform.lenient = True
    assert env.roll("2", holder="person") == ["roll_back", "refused"]
    assert env.registry.tags[2][ROLLOUT_TAG] == "refused"
