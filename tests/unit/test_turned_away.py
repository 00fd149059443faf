"""Whatever becomes champion by any path: the champion before it is the way back, alias or not.

The registry is a plain one, whose aliases stages follow; an installation holds it against the
ledger first, as `test_foreign_aliases.py` has it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from slipway.errors import RegistryUnavailable
from slipway.records.champion_history import champion_as_of
from slipway.stages.report.why import why
from slipway.stages.rollout.ledger_versions import LedgerVersions
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv, evidence

BACK = ["roll_back", "verified", "switched", "promoted"]


@pytest.fixture
def env() -> RolloutEnv:
    """Version 3 was promoted over version 2, by the ledger too."""
    made = RolloutEnv()
    made.registry.tags[4] = evidence(4, 3)
    made.registry.aliases["challenger"] = 3
    assert made.roll(holder="promotion") == STEPPED
    return made


def by_ledger(env: RolloutEnv) -> dict[str, int]:
    """Aliases of the ledger, for a rollback while MLflow does not answer."""
    found: Any = {one: LedgerVersions(env.store).alias(MODEL, one) for one in ALIASES}
    return {alias: version.version for alias, version in found.items() if version}


ALIASES = ("champion", "previous")


def test_a_champion_by_hand_that_is_repaired_can_be_rolled_back(env: RolloutEnv) -> None:
    """A hand moved the alias to version 1, which gets all requests at once."""
    env.registry.aliases["champion"] = 1
    assert env.roll(holder="sweep")[0] == "repair"
    assert env.registry.aliases == {"champion": 1, "previous": 3} == by_ledger(env)
    assert env.roll("previous", holder="person") == BACK
    assert env.weights() == {3: 1.0}


def test_a_repair_that_confirms_the_champion_moves_no_other_alias(env: RolloutEnv) -> None:
    """The platform forgot the traffic."""
    env.platform.forget(MODEL)
    assert env.roll(holder="sweep")[0] == "repair"
    assert env.registry.aliases == {"champion": 3, "previous": 2} == by_ledger(env)


def test_a_repair_that_confirms_the_champion_does_not_begin_its_time(env: RolloutEnv) -> None:
    """It is champion since its promotion, unless another version served between."""

    def since() -> str:
        found = champion_as_of(env.store, MODEL, datetime.now(UTC))
        assert found is not None
        assert found.version == 3
        return found.since

    before = since()
    for holder in ("sweep", "the next sweep"):
        env.platform.forget(MODEL)
        assert env.roll(holder=holder)[-1] == "promoted"
        assert since() == before
    [line] = [
        one
        for one in why(MODEL, store=env.store, registry=env.registry, platform=env.platform)
        if one.startswith("Since: ")
    ]
    assert "(rollout-000001): Version 3 is served and is champion now; version 2 is kept" in line
    assert line.endswith("UTC by rollout-000003, a repair.")
    token = env.platform.served(MODEL).token  # type: ignore[union-attr]
    env.platform.apply(MODEL, weights={2: 1.0}, keep=[], token=token)
    assert env.roll(holder="after another version")[0] == "repair"
    assert since() > before


def test_a_blocked_version_becomes_no_way_back(env: RolloutEnv) -> None:
    """It was the champion of the ledger, and a hand tagged it as rolled back."""
    env.registry.tags[3][ROLLOUT_TAG] = "rolled_back"
    env.registry.aliases["champion"] = 1
    assert env.roll(holder="sweep")[0] == "repair"
    assert env.registry.aliases == {"champion": 1, "previous": 2}


@pytest.mark.parametrize("hand", ["deleted", "moved"])
def test_what_served_is_rolled_back_without_its_alias(env: RolloutEnv, hand: str) -> None:
    """Version 3 served; a hand deleted the alias, or moved it to a version that never served."""
    if hand == "deleted":
        del env.registry.aliases["champion"]
    else:
        env.registry.aliases["champion"] = 4
    assert env.roll("previous", holder="person") == BACK
    assert env.registry.aliases == {"champion": 2}
    assert env.registry.tags[3][ROLLOUT_TAG] == "rolled_back"
    assert ROLLOUT_TAG not in env.registry.tags[4]


def test_the_tag_follows_where_mlflow_was_away(
    env: RolloutEnv, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The sweep completes the rollback by its recorded verdict."""
    del env.registry.aliases["champion"]

    def away(*_: object) -> None:
        raise RegistryUnavailable("MLflow does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(env.registry, "tag", away)
        with pytest.raises(RegistryUnavailable):
            env.roll("previous", holder="person")
    env.reconcile(holder="sweep", ended="person")
    assert env.registry.tags[3][ROLLOUT_TAG] == "rolled_back"
    assert env.registry.aliases == {"champion": 2}
