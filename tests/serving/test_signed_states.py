"""A real platform with trusted keys follows signed desired states alone, over a restart."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from slipway.adapters.object_store import open_store
from slipway.adapters.platforms.local.platform import LocalPlatform
from slipway.errors import BadParameter, PlatformUnavailable
from slipway.records.desired_state import read_desired, state_key
from slipway.records.store import Store, encode
from slipway.stages.rollout.platform import Served
from slipway.stages.rollout.signed_states import StateTrust
from tests.serving.model_versions import MODEL
from tests.serving.processes import OPTIONS, running_platform, until
from tests.support.keys import Keys
from tests.support.rollout_leases import permit_states


@contextmanager
def platform(store: Store, home: Path, keys: Keys) -> Iterator[tuple[str, LocalPlatform]]:
    """URL of a platform that trusts the keys, and the adapter of a rollout that signs by them."""
    options = replace(OPTIONS, trusted_keys=keys.public)
    trust = StateTrust(store, keys.verifier, lambda: keys.signer)
    with running_platform(
        store.root, home / "versions", home / "scratch", options=options
    ) as process:
        yield process.url, LocalPlatform(process.url, store, keys=trust)


def served(adapter: LocalPlatform) -> Served:
    """What the platform reports."""
    found = adapter.served(MODEL)
    assert found is not None
    return found


def test_access_to_the_store_alone_chooses_no_signed_version(
    versions: Path, tmp_path: Path
) -> None:
    """Neither by a forged state nor by an old one; each is told, and a rollout goes on above."""
    keys = Keys.make(tmp_path)
    for number in ("1", "2"):
        keys.sign(shutil.copytree(versions / number, tmp_path / "versions" / number), MODEL)
    store = open_store(str(tmp_path / "store"))
    permit_states(store, MODEL, 1, 2)
    with platform(store, tmp_path, keys) as (url, adapter):
        adapter.apply(MODEL, weights={1: 1.0}, keep=[], token=1)
        adapter.apply(MODEL, weights={2: 1.0}, keep=[], token=2)
        forged = replace(read_desired(store, MODEL, 1), generation=3)
        store.write(state_key(MODEL, 3), encode(forged.to_json()))
        until(lambda: served(adapter).refused, "the forged state is told")
        assert "another generation" in served(adapter).refused[0]
        assert served(adapter).weights == {2: 1.0}
        without = LocalPlatform(url, store, keys=StateTrust(store, keys.verifier))
        with pytest.raises(BadParameter, match="no SLIPWAY_SIGNING_KEY"):
            without.claim(MODEL, token=3)
        unaware = LocalPlatform(url, store)
        with pytest.raises(PlatformUnavailable, match="does not follow the desired state"):
            unaware.apply(MODEL, weights={1: 1.0}, keep=[], token=3)
    for generation in (2, 3, 4):
        store.delete(state_key(MODEL, generation))
    with platform(store, tmp_path, keys) as (_, adapter):
        assert served(adapter).weights == {2: 1.0}
        assert "is older than generation 2, which was followed" in served(adapter).refused[0]
        adapter.claim(MODEL, token=3)
        assert read_desired(store, MODEL, 3).weights == {2: 1.0}
        until(lambda: not served(adapter).refused, "the claim is followed")
