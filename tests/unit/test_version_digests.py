"""A served version is its digest: other bytes under its number are a new candidate."""

from __future__ import annotations

import pytest

from slipway.errors import RolloutRefused
from slipway.records.desired_state import newest_desired
from slipway.records.leases import find_lease, release
from slipway.records.verified_versions import was_verified
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.version_outcome import ROLLOUT_TAG, SERVING
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv, evidence

OLD, NEW, OTHER = "a" * 64, "b" * 64, "c" * 64


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves and is champion, with the old bytes."""
    made = RolloutEnv()
    made.registry.tags[2][DIGEST] = OLD
    made.platform.apply(MODEL, weights={2: 1.0}, keep=[], token=0, digests={2: OLD})
    return made


@pytest.fixture
def anew(env: RolloutEnv) -> RolloutEnv:
    """The registered model was deleted, and training has made version 2 again, with other bytes."""
    env.registry.tags = {2: {DIGEST: NEW}}
    env.registry.aliases = {"challenger": 2}
    return env


def digests(env: RolloutEnv) -> dict[int, str]:
    """Digest of what serves, by version."""
    served = env.platform.served(MODEL)
    assert served is not None
    return {one: sha256 for one, sha256 in served.digests.items() if one in served.weights}


def test_a_model_registered_anew_is_a_new_candidate(anew: RolloutEnv) -> None:
    """The old bytes go on until the new ones were verified; then these serve and are champion."""
    begun = anew.reconcile()
    assert (begun.verdict.action, begun.verdict.numbers["digest"]) == ("roll_out", NEW)
    assert digests(anew) == {2: OLD}
    assert anew.verify(begun.ref.run).verdict.action == "verified"
    assert digests(anew) == {2: OLD}
    assert was_verified(anew.store, MODEL, NEW)
    assert not was_verified(anew.store, MODEL, OLD)
    assert anew.roll()[-2:] == ["switched", "promoted"]
    assert digests(anew) == {2: NEW}
    assert anew.registry.aliases == {"champion": 2}
    assert anew.reconcile().verdict.action == "nothing"


def test_refused_bytes_never_serve(anew: RolloutEnv) -> None:
    """The old ones do; the next reconcile has nothing to do."""
    anew.platform.lenient = True
    assert anew.roll() == ["roll_out", "refused"]
    assert digests(anew) == {2: OLD}
    assert not was_verified(anew.store, MODEL, NEW)
    assert anew.reconcile(holder="run-2").verdict.action == "nothing"


def test_the_old_bytes_are_what_a_failed_switch_falls_back_to(anew: RolloutEnv) -> None:
    """Although the registry has them no more."""
    anew.platform.live[2] = lambda inputs: [9.0] * len(inputs.columns["distance"])
    assert anew.roll()[-1] == "aborted"
    assert digests(anew) == {2: OLD}
    assert anew.weights() == {2: 1.0}


def test_a_new_number_shares_the_traffic_with_what_served(env: RolloutEnv) -> None:
    """Without a champion by alias, what serves is still what a rollout falls back to."""
    env.registry.tags = {3: {DIGEST: NEW}}
    env.registry.aliases = {"challenger": 3}
    run = env.reconcile().ref.run
    env.verify(run)
    env.platform.failing[3] = 1.0
    assert env.shift(run, 10).verdict.action == "aborted"
    assert digests(env) == {2: OLD}


def test_what_served_before_a_canary_that_was_cut_off_is_still_the_fallback(
    env: RolloutEnv,
) -> None:
    """Without a champion by alias, the version beside the canary is what served."""
    env.registry.tags = {3: {DIGEST: NEW}}
    env.registry.aliases = {"challenger": 3}
    run = env.reconcile().ref.run
    env.verify(run)
    assert env.shift(run, 10).verdict.action == "shifted"
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    release(env.store, lease)
    again = env.reconcile(holder="run-2")
    assert again.verdict.numbers["served"] == 2
    env.verify(again.ref.run)
    env.platform.live[3] = lambda inputs: [9.0] * len(inputs.columns["distance"])
    assert env.shift(again.ref.run, 10).verdict.action == "aborted"
    assert (env.weights(), digests(env)) == ({2: 1.0}, {2: OLD})


def test_a_warm_version_has_its_digest(env: RolloutEnv) -> None:
    """The previous champion, which nothing runs yet."""
    env.registry.tags[1] |= {DIGEST: OTHER, ROLLOUT_TAG: SERVING}
    env.until_switch()
    state = newest_desired(env.store, MODEL)
    assert state is not None
    assert (state.keep, state.digests[1]) == ((1,), OTHER)


def test_a_previous_champion_that_nobody_verified_is_not_kept_warm(env: RolloutEnv) -> None:
    """Its bytes would answer where champion and candidate cannot."""
    env.registry.tags[1][DIGEST] = OTHER
    env.until_switch()
    state = newest_desired(env.store, MODEL)
    assert state is not None
    assert state.keep == ()


def test_a_champion_of_other_bytes_is_verified_first(env: RolloutEnv) -> None:
    """The alias was set by hand on what the registry has under the number now."""
    env.registry.tags = {2: {DIGEST: NEW}}
    env.registry.aliases = {"champion": 2}
    begun = env.reconcile()
    assert begun.verdict.action == "roll_out"
    assert "with bytes that nobody verified" in begun.verdict.reason
    assert digests(env) == {2: OLD}
    assert env.roll()[-1] == "promoted"
    assert digests(env) == {2: NEW}


@pytest.mark.parametrize("to", ["challenger", "4"])
def test_a_champion_that_nobody_verified_is_a_candidate(env: RolloutEnv, to: str) -> None:
    """The alias was moved by hand; what serves goes on, also if the candidate is refused."""
    env.registry.tags[4][DIGEST] = OTHER
    env.registry.aliases["champion"] = 4
    env.platform.lenient = True
    assert env.roll(to) == ["roll_out", "refused"]
    assert digests(env) == {2: OLD}


def test_a_verified_champion_is_restored_at_once(env: RolloutEnv) -> None:
    """Under any number that has its digest."""
    env.registry.tags[3][DIGEST] = NEW
    env.registry.aliases["challenger"] = 3
    assert env.roll() == STEPPED
    env.registry.tags[4] = {DIGEST: NEW}
    env.registry.aliases = {"champion": 4}
    repaired = env.reconcile(holder="run-2")
    assert (repaired.verdict.action, digests(env)) == ("repair", {4: NEW})


def test_bytes_that_change_before_verify_are_refused_and_not_marked(anew: RolloutEnv) -> None:
    """The tags of the number belong to what it stands for now."""
    run = anew.reconcile().ref.run
    anew.registry.tags = {2: {DIGEST: OTHER}}
    verdict = anew.verify(run).verdict
    assert verdict.action == "refused"
    assert "not the version that is meant" in verdict.reason
    assert ROLLOUT_TAG not in anew.registry.tags[2]
    assert digests(anew) == {2: OLD}
    assert anew.reconcile(holder="run-2").verdict.numbers["digest"] == OTHER


def test_bytes_that_change_before_promotion_do_not_become_champion(anew: RolloutEnv) -> None:
    """No alias moves; the next reconcile begins a rollout of what the number stands for."""
    run = anew.reconcile().ref.run
    anew.verify(run)
    anew.switch(run)
    anew.registry.tags = {2: {DIGEST: OTHER}}
    with pytest.raises(RolloutRefused, match="cannot become champion"):
        anew.promote(run)
    assert anew.registry.aliases == {"challenger": 2}


def test_a_record_of_an_earlier_release_has_no_digest(env: RolloutEnv) -> None:
    """Its rollout goes on, and what serves keeps the digest that it has."""
    env.registry.tags = {number: evidence(number, 2) for number in range(1, 5)}
    env.registry.aliases["challenger"] = 3
    run = env.until_switch()
    assert digests(env) == {2: OLD}
    assert env.switch(run).verdict.action == "switched"
    assert env.promote(run).verdict.action == "promoted"
