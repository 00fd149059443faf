"""Where keys are trusted, a rollout signs what it writes, above all that was followed."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from slipway.errors import BadParameter
from slipway.records.desired_state import state_key
from slipway.records.write_state import fence, write_desired
from slipway.stages.rollout.signed_states import StateTrust
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


def test_what_a_rollout_signs_comes_from_no_unsigned_state(place: Place) -> None:
    """A claim and a change pass over it: its weights and digests would be signed."""
    value = {**place.stored(2), "generation": 3, "weights": {"1": 1.0}, "digests": {"2": "e" * 64}}
    del value["signature"]
    place.forge(value)
    claimed = fence(place.store, MODEL, token=3, keys=place.rollout)
    assert claimed is not None
    assert (claimed.generation, claimed.weights, claimed.digests) == (4, {2: 1.0}, {})
    assert followed(place.platform()) == [(4, 2)]
    assert place.write(1, token=3, digests={1: "a" * 64}).digests == {1: "a" * 64}


def test_a_rollout_writes_above_what_was_followed(place: Place) -> None:
    """The store may have lost it; a number beyond a gap would count nowhere."""
    assert place.write(2, token=3, above=9).generation == 10
    assert place.write(1, token=3, above=10**6).generation == 11


def test_without_a_signing_key_the_traffic_stays(place: Place) -> None:
    """Where signatures are required, a rollout ends before it changes anything."""
    trust = StateTrust(place.store, place.keys.verifier)
    with pytest.raises(BadParameter, match="cannot be changed by an unsigned state") as refused:
        fence(place.store, MODEL, token=3, keys=trust)
    assert refused.value.found == "no SLIPWAY_SIGNING_KEY"
    assert len(place.store.list("platform")) == 2


def test_a_signing_key_that_is_not_trusted_signs_nothing(place: Place, tmp_path: Path) -> None:
    """What it signs would be refused."""
    other = Keys.make(tmp_path, "other")
    trust = StateTrust(place.store, place.keys.verifier, lambda: other.signer)
    with pytest.raises(BadParameter, match="would be refused here"):
        fence(place.store, MODEL, token=3, keys=trust)


def test_a_key_that_is_trusted_later_counts_at_the_next_look(place: Place, tmp_path: Path) -> None:
    """A platform that runs follows a rotation."""
    other, public = Keys.make(tmp_path, "other"), tmp_path / "trusted.pem"
    public.write_bytes(place.keys.public.read_bytes())
    place.keys = Keys(place.keys.private, public, place.keys.key_id)
    states = place.platform()
    assert followed(states) == [(2, 2)]
    trust = StateTrust(place.store, None, lambda: other.signer)
    write_desired(place.store, MODEL, weights={1: 1.0}, keep=[], token=3, keys=trust)
    assert followed(states) == []
    assert "which is not trusted here" in reasons(states)[0]
    public.write_bytes(place.keys.public.read_bytes() + other.public.read_bytes())
    assert followed(states) == [(3, 1)]


def test_without_keys_a_state_has_no_signature(place: Place) -> None:
    """It is stored as before; with a key that nothing requires yet it is signed once."""
    store = MemoryStore()
    bare = write_desired(store, MODEL, weights={1: 1.0}, keep=[], token=1, keys=StateTrust(store))
    assert "signature" not in json.loads(store.read(state_key(MODEL, 1)))
    trust = StateTrust(store, None, lambda: place.keys.signer)
    for _ in range(2):
        again = write_desired(store, MODEL, weights={1: 1.0}, keep=[], token=1, keys=trust)
        assert (again.generation, again.weights) == (2, bare.weights)
        assert again.signature is not None
    assert not (place.home / "followed").exists()
