"""A desired state counts only if lease and records of the rollout that wrote it are there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from slipway.records.desired_state import newest_desired, state_key
from slipway.records.leases import find_lease
from slipway.records.store import Store, encode
from slipway.serving.platform.followed_states import FollowedStates
from slipway.stages.rollout.genuine_state import find_forgeries, newest_genuine
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv, evidence


@pytest.fixture
def env() -> RolloutEnv:
    """Version 3 was rolled out; 2 is previous, and 4 never served."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    assert made.roll() == STEPPED
    made.registry.tags[4] = evidence(4, 3)
    return made


def forge(store: Store, **changes: Any) -> int:
    """Put a copy of the newest state into the store as the next generation, with changes."""
    newest = newest_desired(store, MODEL)
    assert newest is not None
    generation = int(changes.pop("generation", newest.generation + 1))
    weights = {str(version): share for version, share in newest.weights.items()}
    value = {**vars(newest), "weights": weights, "digests": {}, "generation": generation}
    store.create(state_key(MODEL, generation), encode(value | changes))
    return generation


def served_by(store: Store) -> Mapping[int, float]:
    """Weights of the state that is followed."""
    state = newest_genuine(store, MODEL)
    assert state is not None
    return state.weights


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"weights": {"4": 1.0}}, "names version 4"),
        ({"weights": {"2": 1.0}}, "names version 2"),
        ({"weights": {"3": 0.5, "2": 0.5}}, "names version 2"),
        ({"weights": {}}, "takes every share away"),
        ({"keep": [4]}, "names version 4"),
        ({"weights": {"3": 1.0}, "token": 99}, "lease 99, which no rollout acquired"),
        ({"weights": {"3": -1.0}}, "does not hold a state"),
        ({"weights": {"3": "much"}}, "does not hold a state"),
        ({"model": "another"}, "does not hold a state"),
    ],
)
def test_a_state_that_no_rollout_wrote_is_named_and_not_followed(
    env: RolloutEnv, changes: Mapping[str, Any], reason: str
) -> None:
    """It is the newest with a token of a rollout that ended; what serves stays."""
    generation = forge(env.store, **changes)
    assert served_by(env.store) == {3: 1.0}
    [forgery] = find_forgeries(env.store, MODEL)
    assert forgery.key == state_key(MODEL, generation)
    assert reason in forgery.reason


def test_a_digest_that_no_record_has_is_not_followed(env: RolloutEnv) -> None:
    """A number with other bytes is another version."""
    env.registry.tags[4]["slipway.digest"] = env.platform.sealed[4] = "a" * 64
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="run-2")[-1] == "promoted"
    forge(env.store, digests={"4": "e" * 64})
    [forgery] = find_forgeries(env.store, MODEL)
    assert "names version 4" in forgery.reason
    assert served_by(env.store) == {4: 1.0}


def test_a_candidate_has_no_share_before_it_was_verified(env: RolloutEnv) -> None:
    """Nor after its rollout took it back."""
    env.registry.aliases["challenger"] = 4
    run = env.reconcile(holder="run-2").ref.run
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    forge(env.store, weights={"4": 1.0}, token=lease.number)
    assert served_by(env.store) == {3: 1.0}
    env.verify(run)
    forge(env.store, weights={"4": 1.0}, token=lease.number)
    assert served_by(env.store) == {4: 1.0}
    env.platform.live[4] = lambda inputs: [9.0] * len(inputs.columns["distance"])
    assert env.shift(run, 10).verdict.action == "aborted"
    forge(env.store, weights={"4": 1.0}, token=lease.number)
    assert served_by(env.store) == {3: 1.0}


def test_a_lease_alone_writes_nothing(env: RolloutEnv) -> None:
    """Its rollout has to have begun."""
    env.store.write(f"leases/rollout-{MODEL}/00000002.json", b"{}")
    forge(env.store, weights={"3": 1.0}, token=2)
    [forgery] = find_forgeries(env.store, MODEL)
    assert forgery.reason == "was written under lease 2, and rollout-000002 never began"


def test_forged_states_stop_no_rollout(env: RolloutEnv) -> None:
    """The next one writes above them, and is followed."""
    forge(env.store, weights={"4": 1.0}, token=10**6)
    forge(env.store, weights={"4": 1.0}, generation=99999999)
    env.store.write(state_key(MODEL, 30), b"no JSON")
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="run-2")[-1] == "promoted"
    assert served_by(env.store) == {4: 1.0}
    assert list(find_forgeries(env.store, MODEL)) == []


def test_the_last_genuine_state_stays_followed(env: RolloutEnv) -> None:
    """A look names what is forged once it is there, and another model is followed all the same."""
    states = FollowedStates(env.store)
    assert [state.weights for state in states.changed()] == [{3: 1.0}]
    assert list(states.changed()) == []
    forge(env.store, weights={"4": 1.0})
    env.store.write("platform/another/00000001.json", b"no JSON")
    assert list(states.changed()) == []
    assert {model: len(found) for model, found in states.forged.items()} == {
        MODEL: 1,
        "another": 1,
    }
    env.registry.aliases["challenger"] = 4
    assert env.roll(holder="run-2")[-1] == "promoted"
    assert [state.weights for state in states.changed()] == [{4: 1.0}]
    assert list(states.forged) == ["another"]


def test_a_platform_that_starts_beside_a_forged_state_follows_the_one_before(
    env: RolloutEnv,
) -> None:
    """It needs no memory of what it followed."""
    forge(env.store, weights={"4": 1.0})
    assert [state.weights for state in FollowedStates(env.store).changed()] == [{3: 1.0}]
