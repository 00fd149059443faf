"""A version is registered under a number that no other version of the model ever had."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from slipway.records.version_numbers import greatest_number, take_number
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.ports.registry import ModelVersion
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from slipway.stages.train.register_version import register_version
from tests.fakes.memory_store import MemoryStore
from tests.fakes.mlflow import MemoryRegistry
from tests.fakes.tracking import MemoryTracking

MODEL = "ferry_delay"


@dataclass
class Registration:
    """A registry and a store."""

    store: MemoryStore = field(default_factory=MemoryStore)
    registry: MemoryRegistry = field(default_factory=lambda: MemoryRegistry(MemoryTracking(Path())))

    def register(self, name: str, *, known: ModelVersion | None = None) -> int:
        """Number of a version whose run, address and bytes have a name."""
        version = register_version(
            MODEL,
            model_uri=f"models:/m-{name}",
            run_key=f"{MODEL}/{name}",
            tags={DIGEST: digest_of(name)},
            store=self.store,
            registry=self.registry,
            known=known,
        )
        return version.version

    def by_hand(self, name: str) -> ModelVersion:
        """A version that nothing but MLflow knows."""
        return self.registry.register(
            MODEL,
            model_uri=f"models:/m-{name}",
            run_key=f"{MODEL}/{name}",
            tags={DIGEST: digest_of(name)},
        )

    def numbers(self) -> list[int]:
        """Numbers of the versions that there are."""
        known = self.registry.versions.get(MODEL, [])
        return [v.version for v in known if (MODEL, v.version) not in self.registry.deleted]


def digest_of(name: str) -> str:
    """A digest."""
    return (name.encode().hex() * 64)[:64]


@pytest.fixture
def env() -> Registration:
    """Versions 1 to 3 were registered."""
    made = Registration()
    assert [made.register(name) for name in ("a", "b", "c")] == [1, 2, 3]
    return made


@pytest.fixture
def anew(env: Registration) -> Registration:
    """The registered model was deleted since."""
    env.registry.delete_model(MODEL)
    return env


def test_numbers_rise_by_one(env: Registration) -> None:
    """As long as MLflow gives them, and a repeat is the same version."""
    assert env.register("d") == 4
    assert env.register("d") == 4
    assert env.numbers() == [1, 2, 3, 4]


def test_numbers_go_on_after_the_model_was_deleted(
    anew: Registration, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says why; no version is left under a low number."""
    with caplog.at_level(logging.INFO):
        assert anew.register("d") == 4
    assert "so the numbers go on from 3" in caplog.text
    assert anew.numbers() == [4]
    caplog.clear()
    assert anew.register("e") == 5
    assert not caplog.records


def test_deleting_the_newest_version_frees_no_number(env: Registration) -> None:
    """MLflow counts deleted versions itself."""
    env.registry.delete_version(MODEL, 3)
    assert env.register("d") == 4


def test_what_a_kill_left_under_a_low_number_is_deleted(anew: Registration) -> None:
    """It was registered, and its number was not looked at yet."""
    assert anew.by_hand("d").version == 1
    assert anew.register("d") == 4
    assert anew.numbers() == [4]


def test_a_version_whose_number_was_not_taken_yet_keeps_it(env: Registration) -> None:
    """The process was killed between the two writes."""
    assert env.by_hand("d").version == 4
    assert env.register("d") == 4


def test_numbers_that_others_took_meanwhile_are_passed_over(env: Registration) -> None:
    """Two registrations at once never end with one number."""
    assert env.by_hand("d").version == 4
    assert env.register("e") == 5
    assert env.register("d") == 6


@pytest.mark.parametrize("alias", ["champion", "challenger", "previous"])
def test_a_version_that_an_alias_names_is_never_deleted(anew: Registration, alias: str) -> None:
    """An earlier release, or a hand, may have given it that alias."""
    anew.by_hand("d")
    anew.registry.set_alias(MODEL, alias, 1)
    assert anew.register("d") == 1
    assert anew.numbers() == [1]


def test_a_version_that_was_rolled_out_is_never_deleted(anew: Registration) -> None:
    """It may serve as long as its tag says what became of it."""
    anew.by_hand("d")
    anew.registry.tag(MODEL, 1, {ROLLOUT_TAG: "serving"})
    assert anew.register("d") == 1


def test_a_version_with_the_same_bytes_is_returned(env: Registration) -> None:
    """As of a second import."""
    assert env.register("copy", known=env.registry.version(MODEL, 2)) == 2


def test_the_versions_of_a_hand_stay(anew: Registration) -> None:
    """Only versions of the same run are deleted; numbers go on from the greatest."""
    assert anew.by_hand("hand").version == 1
    assert anew.register("d") == 4
    assert anew.numbers() == [1, 4]


def test_hundreds_of_numbers_are_passed_over(anew: Registration) -> None:
    """A number that a hand gave counts once a rollout has taken it."""
    take_number(anew.store, MODEL, 300, sha256=digest_of("hand"))
    assert anew.register("d") == 301
    assert greatest_number(anew.store, MODEL) == 301
