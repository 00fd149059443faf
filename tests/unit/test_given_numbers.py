"""A model that was deleted and trained anew, killed at any write: its number is a new one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from slipway.records import ledger
from slipway.records.version_numbers import greatest_number
from tests.fakes.kill_points import Killed, KillPoint
from tests.fakes.mlflow import MemoryRegistry
from tests.support.environments import Environment
from tests.support.theorem.agreement import disagreements
from tests.support.theorem.fake_world import FakeWorld, fake_worlds
from tests.support.theorem.steps import GOOD, Step

DELETED = (Step("train", GOOD), Step("deploy"), Step("delete model"))


@pytest.fixture(autouse=True)
def quick() -> Iterator[None]:
    """No test waits."""
    with fake_worlds():
        yield


def alias_and_served(world: FakeWorld) -> tuple[int | None, int | None]:
    """The champion, and the version that serves."""
    champion = world.registry.alias(world.spec.model, "champion")
    served = world.platform.served(world.spec.model)
    return champion and champion.version, served and served.version


def versions(env: Environment) -> list[int]:
    """Numbers of the versions that there are."""
    registry, model = env.training.registry, env.training.spec.model
    assert isinstance(registry, MemoryRegistry)
    known = (one.version for one in registry.versions[model])
    return [number for number in known if (model, number) not in registry.deleted]


def test_a_model_trained_anew_takes_the_whole_way() -> None:
    """Its canary falls back to what serves; then it is champion under the next number."""
    world = FakeWorld()
    world.run((*DELETED, Step("train", GOOD), Step("deploy")))
    facts = [entry["fact"] for entry in ledger.read(world.store, world.spec.model)]
    rollout = [fact["action"] for fact in facts if fact["run"].startswith("rollout-")][-5:]
    assert rollout == ["roll_out", "verified", "shifted", "switched", "promoted"]
    assert alias_and_served(world) == (2, 2)
    assert world.problems == []


@pytest.mark.parametrize("is_retried", [True, False])
def test_a_kill_at_any_write_gives_no_number_twice(is_retried: bool) -> None:  # noqa: FBT001
    """Tried again by Airflow or by the next run: one version, one number, no alias below."""
    writes = 0
    while True:
        world = FakeWorld()
        world.run((*DELETED, Step("train", GOOD, at=writes, is_retried=is_retried)))
        seen = world.versions.aliases.get((world.spec.model, "challenger"))
        assert seen in {None, 2}
        world.settle()
        assert world.problems == []
        assert list(disagreements(world)) == []
        if greatest_number(world.store, world.spec.model) == 1:
            # It was killed before there was a request.
            assert writes < 5
        else:
            assert alias_and_served(world) == (2, 2)
            assert world.hands.versions() == [2]
        if seen == 2 and not is_retried:
            break
        if writes > 60:
            break
        writes += 1
    assert writes > 20


def test_a_version_is_imported_under_a_new_number(
    staging: Environment, production: Environment, tmp_path: Path
) -> None:
    """Also when the import is killed at any write: never under the number of the deleted one."""
    production.train(days=70)
    model = production.training.spec.model
    production.training.registry.delete_model(model)
    writes, done = 0, False
    while not done:
        (tmp_path / str(writes)).mkdir()
        env = production.copy(tmp_path / str(writes))
        try:
            env.killed_at(KillPoint(writes)).bring(staging)
            done = True
        except Killed:
            assert env.challenger() in {None, 2}
            assert env.bring(staging).action in {"brought", "known"}
        assert env.challenger() == 2
        assert env.bring(staging).action == "known"
        assert versions(env) == [2]
        writes += 1
    assert writes > 12
