"""Claim of the traffic by a new rollout, which fences older ones."""

from __future__ import annotations

import json

import pytest

from slipway.errors import PlatformUnavailable, Superseded, Tampered
from slipway.records.desired_state import newest_desired, read_desired
from slipway.records.store import encode
from slipway.records.write_state import fence, write_desired
from tests.fakes.memory_store import MemoryStore
from tests.support.rollout_env import MODEL, RolloutEnv
from tests.support.rollout_leases import acquire_leases


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves and 3 is challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_a_claim_is_the_next_state_with_the_same_traffic() -> None:
    """A repeat writes nothing, and an older token is refused."""
    store = MemoryStore()
    acquire_leases(store, MODEL, up_to=4)
    assert fence(store, MODEL, token=1) is None
    assert newest_desired(store, MODEL) is None
    before = write_desired(store, MODEL, weights={2: 0.1, 1: 0.9}, keep=[3], token=1)
    claimed = fence(store, MODEL, token=4)
    assert claimed is not None
    assert (claimed.generation, claimed.token) == (2, 4)
    assert (claimed.weights, claimed.keep) == (before.weights, before.keep)
    assert fence(store, MODEL, token=4) == claimed
    for act in (
        lambda: fence(store, MODEL, token=3),
        lambda: write_desired(store, MODEL, weights={2: 1.0}, keep=[], token=3),
    ):
        with pytest.raises(Superseded):
            act()
    assert newest_desired(store, MODEL) == claimed


def test_a_state_has_the_digest_of_each_version() -> None:
    """A claim keeps them, and so does a change that does not name them; what leaves has none."""
    store = MemoryStore()
    first = write_desired(store, MODEL, weights={1: 1.0}, keep=[2], token=1, digests={1: "a"})
    assert first.digests == {1: "a"}
    again = {1: "a", 2: "b", 9: "c"}
    named = write_desired(store, MODEL, weights={1: 1.0}, keep=[2], token=1, digests=again)
    assert (named.generation, named.digests) == (2, {1: "a", 2: "b"})
    assert write_desired(store, MODEL, weights={1: 1.0}, keep=[2], token=1) == named
    claimed = fence(store, MODEL, token=2)
    assert claimed is not None
    assert claimed.digests == named.digests
    assert write_desired(store, MODEL, weights={2: 1.0}, keep=[], token=2).digests == {2: "b"}
    anew = write_desired(store, MODEL, weights={2: 1.0}, keep=[], token=2, digests={2: "d"})
    assert (anew.generation, newest_desired(store, MODEL)) == (5, anew)


@pytest.mark.parametrize(
    "odd",
    [
        *("[" * 200_000, '"text"', "[]"),
        *('{"token": 1.0}', '{"keep": [Infinity]}', f'{{"weights": {{"1": 1{"0" * 400}}}}}'),
    ],
    ids=["deep", "text", "list", "token", "keep", "share"],
)
def test_an_object_of_any_form_is_tampered_or_a_state(odd: str) -> None:
    """The platform reads what others may have written, and has to go on."""
    store = MemoryStore()
    state = write_desired(store, MODEL, weights={1: 1.0}, keep=[], token=1)
    key = f"platform/{MODEL}/00000002.json"
    is_part = odd.startswith("{")
    genuine = {**json.loads(store.read(f"platform/{MODEL}/00000001.json")), "generation": 2}
    store.write(key, encode({**genuine, **json.loads(odd)}) if is_part else odd.encode())
    with pytest.raises(Tampered):
        read_desired(store, MODEL, 2)
    assert newest_desired(store, MODEL) == state


def test_a_state_of_an_earlier_release_is_read() -> None:
    """It has no digests, and the next state of its rollout needs none."""
    store = MemoryStore()
    old = {"model": MODEL, "generation": 1, "token": 3, "weights": {"2": 1.0}, "keep": [1]}
    store.create(f"platform/{MODEL}/00000001.json", encode({**old, "at": "2026-01-01T00:00:00"}))
    found = newest_desired(store, MODEL)
    assert found is not None
    assert (found.weights, found.keep, found.digests) == ({2: 1.0}, (1,), {})
    assert write_desired(store, MODEL, weights={2: 1.0}, keep=[1], token=3) == found


def test_a_token_without_a_lease_fences_none() -> None:
    """A state that was put there cannot take the traffic from the rollouts to come."""
    store = MemoryStore()
    acquire_leases(store, MODEL, up_to=2)
    genuine = write_desired(store, MODEL, weights={1: 1.0}, keep=[], token=1)
    forged = {**vars(genuine), "generation": 2, "token": 99, "weights": {"9": 1.0}, "digests": {}}
    store.create(f"platform/{MODEL}/00000002.json", encode(forged))
    store.create(f"platform/{MODEL}/00000003.json", b"no JSON")
    claimed = fence(store, MODEL, token=2)
    assert claimed is not None
    assert (claimed.generation, claimed.weights) == (4, {1: 1.0})
    assert write_desired(store, MODEL, weights={2: 1.0}, keep=[], token=2).generation == 5


def test_a_rollout_claims_the_traffic_and_leaves_it(env: RolloutEnv) -> None:
    """After its record, so that the holder of the token can be looked up."""
    before = env.platform.served(MODEL)
    run = env.reconcile().ref.run
    after = env.platform.served(MODEL)
    assert before is not None
    assert after is not None
    assert (after.weights, after.keep) == (before.weights, before.keep)
    assert after.token == int(run.removeprefix("rollout-"))


def test_an_older_change_is_refused_before_the_newer_one_changes_anything(env: RolloutEnv) -> None:
    """Also while the newer rollout still verifies its version."""
    env.reconcile()
    with pytest.raises(Superseded):
        env.platform.apply(MODEL, weights={1: 1.0}, keep=[], token=0)
    assert env.served() == 2


def test_nothing_to_do_claims_nothing(env: RolloutEnv) -> None:
    """A repair changes the traffic itself."""
    del env.registry.aliases["challenger"]
    assert env.reconcile().verdict.action == "nothing"
    env.platform.apply(MODEL, weights={1: 1.0}, keep=[], token=0)
    assert env.reconcile().verdict.action == "repair"
    assert env.platform.claimed == []


def test_a_rollout_that_cannot_claim_gives_its_lease_back(env: RolloutEnv) -> None:
    """The next rollout begins at once and succeeds."""
    claimed = env.platform.claim

    def fail(model: str, *, token: int) -> None:
        del model, token
        env.platform.claim = claimed  # type: ignore[method-assign]
        raise PlatformUnavailable("it does not answer")

    env.platform.claim = fail  # type: ignore[method-assign]
    with pytest.raises(PlatformUnavailable):
        env.reconcile()
    assert env.is_free()
    assert env.roll()[-1] == "promoted"


def test_a_rollout_that_finished_another_one_can_be_finished_itself(env: RolloutEnv) -> None:
    """Its token names it: a served version that is not champion is still known."""
    run = env.until_switch()
    env.switch(run)
    assert env.reconcile(holder="run-1").ref.run == run
    _free(env)
    second = env.reconcile(holder="run-2")
    assert (second.verdict.action, second.verdict.numbers["version"]) == ("roll_out", 3)
    _free(env)
    assert env.roll(holder="run-3")[-1] == "promoted"
    assert env.registry.aliases == {"champion": 3, "previous": 2}


def _free(env: RolloutEnv) -> None:
    from slipway.records.leases import find_lease, release

    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    release(env.store, lease)
