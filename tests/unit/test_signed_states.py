"""Where keys are trusted, a desired state is followed only if it is signed and no replay."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import BadSignature
from slipway.records.desired_state import BATCH_FOLDER, read_desired, state_key
from slipway.records.store_identity import KEY
from slipway.records.write_state import write_desired
from slipway.serving.platform.followed_states import FollowedStates
from slipway.stages.rollout.genuine_state import find_forgeries
from tests.fakes.memory_store import MemoryStore
from tests.support.keys import Keys
from tests.support.signed_states import MODEL, Place, followed, place_of, reasons


@pytest.fixture(scope="module")
def keys(tmp_path_factory: pytest.TempPathFactory) -> Keys:
    """Keys of the installation."""
    return Keys.make(tmp_path_factory.mktemp("keys"))


@pytest.fixture
def place(tmp_path: Path, keys: Keys) -> Place:
    """Version 1 served by generation 1, version 2 serves by generation 2."""
    return place_of(tmp_path, keys)


def test_a_signed_state_is_followed_and_remembered(place: Place) -> None:
    """Outside the store, with the state itself."""
    states = place.platform()
    assert followed(states) == [(2, 2)]
    assert followed(states) == []
    assert place.reader.followed_before(MODEL) == read_desired(place.store, MODEL, 2)


def test_a_forged_state_for_an_old_signed_version_is_not_followed(place: Place) -> None:
    """Lease and records are there, and the version is signed; the state is not."""
    states = place.platform()
    assert followed(states) == [(2, 2)]
    value = {**place.stored(2), "generation": 3, "weights": {"1": 1.0}}
    del value["signature"]
    place.forge(value)
    assert followed(states) == []
    assert reasons(states) == ["is not signed, and SLIPWAY_TRUSTED_KEYS is set"]
    assert followed(place.platform()) == [(2, 2)]
    [forgery] = find_forgeries(place.store, MODEL, trust=place.reader)
    assert "`slipway sign sales`" in forgery.sentence
    assert followed(FollowedStates(place.store)) == [(3, 1)], "without keys it is followed"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"generation": 3}, "another generation"),
        ({"generation": 3, "weights": {"1": 1.0}}, "another generation and weights"),
        ({"generation": 3, "token": 3}, "another generation and token"),
        ({"generation": 3, "signature": "no bundle"}, "is not signed by a trusted key"),
        ({"generation": 3, "signature": "\ud800"}, "is not signed by a trusted key"),
        ({"generation": 3, "signature": 7}, "does not hold a state"),
    ],
)
def test_a_signature_holds_for_its_own_state_alone(
    place: Place, changes: Mapping[str, Any], reason: str
) -> None:
    """A signed state that was changed or has another number is refused."""
    states = place.platform()
    assert followed(states) == [(2, 2)]
    data = json.dumps({**place.stored(2), **changes}).encode()
    place.store.write(state_key(MODEL, 3), data)
    assert followed(states) == []
    [told] = reasons(states)
    assert reason in told


def test_an_older_signed_state_that_is_put_back_is_a_replay(place: Place) -> None:
    """By a platform that runs and by one that starts anew; each goes on with what it served."""
    states = place.platform()
    assert followed(states) == [(2, 2)]
    place.store.delete(state_key(MODEL, 2))
    assert followed(states) == []
    assert reasons(states) == ["is older than generation 2, which was followed"]
    again = place.platform()
    assert followed(again) == [(2, 2)]
    assert followed(again) == []
    assert reasons(again) == reasons(states)
    for entry in place.store.list("platform"):
        place.store.delete(entry.key)
    assert followed(place.platform()) == [(2, 2)], "also where the store has none left"


def test_a_first_start_follows_the_newest_signed_state(place: Place) -> None:
    """Nothing is remembered yet; a deleted memory is the person's way after a restored backup."""
    place.store.delete(state_key(MODEL, 2))
    assert followed(place.platform()) == [(1, 1)]
    place.write(2, token=2)
    states = place.platform()
    assert followed(states) == [(2, 2)]
    place.store.delete(state_key(MODEL, 2))
    assert followed(states) == []
    (place.home / "followed" / "platform" / f"{MODEL}.json").unlink()
    assert followed(states) == [(1, 1)]


def test_a_state_of_another_model_is_not_followed(place: Place) -> None:
    """Its signature names its model."""
    place.forge({**place.stored(2), "model": "costs"}, model="costs")
    states = place.platform()
    assert followed(states) == [(2, 2)]
    [forgery] = states.forged["costs"]
    assert "another model" in forgery.reason


def test_a_state_of_another_deployment_target_is_not_followed(place: Place) -> None:
    """A batch model's states are numbered on their own."""
    write_desired(
        place.store,
        MODEL,
        weights={1: 1.0},
        keep=[],
        token=3,
        folder=BATCH_FOLDER,
        keys=place.rollout,
        above=8,
    )
    place.forge(place.stored(9, folder=BATCH_FOLDER))
    states = place.platform()
    assert followed(states) == [(2, 2)]
    assert reasons(states) == ["has the signature of something else, with another folder"]


def test_a_state_of_another_store_is_not_followed(place: Place, tmp_path: Path) -> None:
    """Though both trust one key; an exchanged identity does not help against the memory."""
    other = Place(tmp_path / "other", place.keys, MemoryStore())
    for generation in (1, 2, 3):
        other.write(1 + generation % 2, token=generation)
    states = place.platform()
    assert followed(states) == [(2, 2)]
    place.forge(other.stored(3))
    assert followed(states) == []
    assert reasons(states) == ["has the signature of something else, with another store"]
    for identity in (other.store.read(KEY), b"{}"):
        place.store.write(KEY, identity)
        again = place.platform()
        assert followed(again) == [(2, 2)]
        assert reasons(again) == ["has the signature of something else, with another store"]
        assert "restore it, or" in again.forged[MODEL][0].sentence


def test_the_signature_of_a_version_is_none_of_a_state(place: Place, tmp_path: Path) -> None:
    """Though the same key made it."""
    from slipway.stages.model.manifest import seal

    seal(tmp_path, {"model": MODEL})
    bundle = place.keys.bundle(tmp_path, MODEL).decode()
    place.forge({**place.stored(2), "generation": 3, "signature": bundle})
    states = place.platform()
    assert followed(states) == [(2, 2)]
    assert "has the signature of something else" in reasons(states)[0]


def test_an_error_names_what_it_is_about(place: Place) -> None:
    """A bundle that cannot be read is no other error."""
    with pytest.raises(BadSignature, match="a signature cannot be read"):
        place.keys.verifier.open_bundle(b"[]", subject="a state", where="here")
