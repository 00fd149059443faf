"""What serves by a signed state: batch scoring, and `slipway sign` for a state from before keys."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.errors import BadParameter, BadSignature
from slipway.records.desired_state import BATCH_FOLDER, DesiredState, state_key
from slipway.records.store import encode
from slipway.spec import ModelSpec
from slipway.stages.rollout.followed_memory import FollowedMemory
from slipway.stages.rollout.genuine_state import newest_genuine
from slipway.stages.rollout.sign_serving import SignedState, sign_serving
from slipway.stages.rollout.signed_states import StateTrust
from slipway.stages.score.partitions import Scoring
from tests.support import ferry_dataset
from tests.support.batch_scoring_env import BatchScoringEnv
from tests.support.keys import Keys
from tests.support.rollout_leases import permit_states

MODEL = "tide"
OLD, NEW = "a" * 64, "b" * 64


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys of the installation."""
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def env(tmp_path: Path) -> BatchScoringEnv:
    """A batch model with two days of features, and rollouts that decided on versions 1 and 2."""
    batch = {"target": "batch", "batch": {"chunk_rows": 100}}
    value = ferry_dataset.model().model_dump() | {"model": MODEL, "deployment": batch}
    made = BatchScoringEnv(tmp_path, ModelSpec.model_validate(value), ferry_dataset.dataset())
    made.publish(
        ferry_dataset.crossings(days=2, start=datetime(2013, 3, 1, tzinfo=UTC)), batch="2013-03"
    )
    permit_states(made.store, MODEL, 1, 2, up_to=4)
    return made


def trust_of(env: BatchScoringEnv, keys: Keys) -> StateTrust:
    """What a worker reads and writes states by."""
    memory = FollowedMemory(env.root / "followed")
    return StateTrust(env.store, keys.verifier, lambda: keys.signer, memory)


def scoring(env: BatchScoringEnv, version: int) -> Scoring:
    """March by a version, as a listing asks for it."""
    (found,) = env.due("2013-03").scorings
    return replace(found, version=version)


def newest(env: BatchScoringEnv, trust: StateTrust) -> DesiredState:
    """The state that scoring follows."""
    found = newest_genuine(env.store, MODEL, folder=BATCH_FOLDER, trust=trust)
    assert found is not None
    return found


def forge(env: BatchScoringEnv, state: DesiredState) -> None:
    """Put a state into the store, as with access to the store alone."""
    key = state_key(MODEL, state.generation, folder=BATCH_FOLDER)
    env.store.write(key, encode(state.to_json()))


def test_a_forged_state_lets_no_old_version_score(env: BatchScoringEnv, keys: Keys) -> None:
    """Unsigned, or signed for an earlier number; the version that served goes on."""
    env.trust = trust_of(env, keys)
    env.crown(1, sha256=OLD)
    first = newest(env, env.trust)
    env.crown(2, sha256=NEW)
    forge(env, replace(first, generation=3, signature=None))
    forge(env, replace(first, generation=4))
    with pytest.raises(BadSignature, match="may not score") as refused:
        env.score(scoring(env, 1))
    assert "`slipway status tide`" in str(refused.value)
    assert newest(env, env.trust).digests == {2: NEW}


def test_an_older_signed_state_lets_no_old_version_score(env: BatchScoringEnv, keys: Keys) -> None:
    """The worker's scratch folder remembers the newer one, which the store has lost."""
    env.trust = trust_of(env, keys)
    env.crown(1, sha256=OLD)
    env.crown(2, sha256=NEW)
    assert newest(env, env.trust).generation == 2
    env.store.delete(state_key(MODEL, 2, folder=BATCH_FOLDER))
    with pytest.raises(BadSignature, match="generation 2, which does not"):
        env.score(scoring(env, 1))


def test_what_serves_is_signed_when_keys_are_introduced(env: BatchScoringEnv, keys: Keys) -> None:
    """Before the keys are trusted and after; scoring follows the state from then on."""
    env.crown(1, sha256=OLD)
    env.crown(2, sha256=NEW)
    both = trust_of(env, keys)
    for number, trust in ((3, replace(both, verifier=None)), (4, both)):
        done = list(sign_serving(MODEL, store=env.store, registry=env, trust=trust))  # type: ignore[arg-type]
        assert done == [SignedState(number, "signed", "version 2 serves")]
    found = newest(env, both)
    assert (found.generation, found.weights, found.digests) == (4, {2: 1.0}, {2: NEW})


@pytest.mark.parametrize("changes", [{"weights": {1: 1.0}}, {"digests": {2: OLD}}])
def test_a_state_of_anything_but_the_champion_is_not_signed(
    env: BatchScoringEnv, keys: Keys, changes: dict[str, object]
) -> None:
    """What a forged state names would be signed: another version, or other bytes of its number."""
    env.crown(1, sha256=OLD)
    env.crown(2, sha256=NEW)
    was = DesiredState(MODEL, 3, 2, {2: 1.0}, (), "2026-01-01T00:00:00+00:00", {2: NEW})
    forge(env, replace(was, **changes))  # type: ignore[arg-type]
    (done,) = sign_serving(MODEL, store=env.store, registry=env, trust=trust_of(env, keys))  # type: ignore[arg-type]
    assert (done.generation, done.action) == (3, "refused")
    assert "the ledger's champion is version 2" in done.reason
    assert not any(
        "signature" in json.loads(env.store.read(entry.key))
        for entry in env.store.list(f"{BATCH_FOLDER}/{MODEL}")
    )


def test_a_state_is_signed_with_a_key_alone(env: BatchScoringEnv, keys: Keys) -> None:
    """The error names the variable."""
    trust = StateTrust(env.store, keys.verifier)
    with pytest.raises(BadParameter, match="no SLIPWAY_SIGNING_KEY"):
        list(sign_serving(MODEL, store=env.store, registry=env, trust=trust))  # type: ignore[arg-type]
