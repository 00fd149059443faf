"""A rollout's stages in order: traffic, aliases, lease and ledger, also after a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from slipway.errors import (
    BadParameter,
    NotFound,
    PlatformUnavailable,
    RolloutRefused,
    Superseded,
    Tampered,
)
from slipway.records import ledger
from slipway.records.leases import acquire, find_lease, release
from slipway.stages.rollout.platform import Served
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv


@pytest.fixture
def env() -> RolloutEnv:
    """A model whose version 2 serves."""
    return RolloutEnv()


def test_a_challenger_becomes_champion(env: RolloutEnv) -> None:
    """A whole rollout moves traffic, then aliases, anchors the ledger and frees the lease."""
    env.registry.aliases["challenger"] = 3
    assert env.roll() == STEPPED
    assert env.registry.aliases == {"champion": 3, "previous": 2}
    assert env.platform.applied[-1] == ({3: 1.0}, [2])
    assert env.registry.tags[3]["slipway.rollout"] == "serving"
    assert env.registry.anchored(MODEL) == ledger.head(env.store, MODEL)
    assert env.is_free()
    assert env.roll(holder="run-2") == ["nothing"]


def test_a_version_is_measured_once(env: RolloutEnv) -> None:
    """The sizes that verify measured are tags of the version, and are not overwritten."""
    env.registry.aliases["challenger"] = 3
    env.roll()
    noted = {"slipway.resident_mib": "100.0", "slipway.cold_start_s": "1.0"}
    assert noted.items() <= env.registry.tags[3].items()
    env.registry.tags[4] = {"slipway.resident_mib": "80.0"}
    env.registry.aliases["challenger"] = 4
    env.roll(holder="run-2")
    assert env.registry.tags[4]["slipway.resident_mib"] == "80.0"
    assert env.registry.tags[4]["slipway.cold_start_s"] == "1.0"


def test_a_return_measures_nothing(env: RolloutEnv) -> None:
    """A rollback tags no sizes, since other sizes would replace the warm servers."""
    env.roll("previous")
    assert "slipway.resident_mib" not in env.registry.tags[1]


def test_the_first_model_is_rolled_out(env: RolloutEnv) -> None:
    """Without a champion the challenger gets all traffic, and there is no previous."""
    env.registry.aliases = {"challenger": 1}
    env.platform.forget(MODEL)
    assert env.roll() == ["roll_out", "verified", "switched", "promoted"]
    assert env.registry.aliases == {"champion": 1}


def test_a_rollback_stays_in_force(env: RolloutEnv) -> None:
    """After `to: previous` the rolled-back version serves again only by its number."""
    assert env.roll("previous") == ["roll_back", "verified", "switched", "promoted"]
    assert env.registry.aliases == {"champion": 1}
    assert env.registry.tags[2]["slipway.rollout"] == "rolled_back"
    assert env.platform.applied[-1] == ({1: 1.0}, [])
    with pytest.raises(BadParameter):
        env.roll("previous", holder="run-2")
    env.registry.aliases["challenger"] = 2
    assert env.roll(holder="run-3") == ["nothing"]
    assert env.roll("2", holder="run-4") == STEPPED
    assert env.served() == env.registry.aliases["champion"] == 2


def test_a_lost_champion_is_restored_at_once(env: RolloutEnv) -> None:
    """Reconcile itself repairs what is served; the other stages confirm it."""
    env.platform.forget(MODEL)
    record = env.reconcile()
    assert record.verdict.action == "repair"
    assert env.served() == 2
    assert [stage(record.ref.run).verdict.action for stage in (env.verify, env.switch)] == [
        "verified",
        "switched",
    ]
    assert env.promote(record.ref.run).verdict.action == "promoted"
    assert env.registry.aliases == {"champion": 2, "previous": 1}


def test_nothing_to_do_is_recorded_once(env: RolloutEnv) -> None:
    """A sweep without a difference leaves one record per state, and no lease."""
    first, again = env.reconcile(), env.reconcile(holder="run-2")
    assert first == again
    assert find_lease(env.store, f"rollout-{MODEL}") is None
    assert len(ledger.read(env.store, MODEL)) == 1


def test_a_refused_challenger_leaves_the_champion(env: RolloutEnv) -> None:
    """Answers that differ from the offline predictions refuse a version permanently."""
    env.registry.aliases["challenger"] = 3
    env.platform.models[3] = env.platform.models[1]
    assert env.roll() == ["roll_out", "refused"]
    assert env.served() == 2
    assert env.registry.tags[3]["slipway.rollout"] == "refused"
    assert env.is_free()
    assert env.roll(holder="run-2") == ["nothing"]


def test_a_candidate_that_accepts_bad_inputs_is_refused(env: RolloutEnv) -> None:
    """The reason lists every accepted bad input."""
    env.registry.aliases["challenger"] = 3
    env.platform.lenient = True
    record = env.verify(env.reconcile().ref.run)
    assert record.verdict.action == "refused"
    assert "NaN" in record.verdict.reason
    with pytest.raises(RolloutRefused, match="cannot continue"):
        env.switch(record.ref.run)


@pytest.mark.parametrize("why", ["unready", "tampered", "no rows"])
def test_what_cannot_be_verified_is_refused(env: RolloutEnv, why: str) -> None:
    """No server, changed bytes or no rows for the replay: a refusal with its reason."""
    env.registry.aliases["challenger"] = 3
    if why == "unready":
        env.platform.broken = {3}
    elif why == "tampered":
        env.load = _tampered
    else:
        env.tables.rows = env.tables.rows.head(0)
    assert env.roll() == ["roll_out", "refused"]
    assert env.served() == 2


def test_an_aborted_switch_restores_the_champion(env: RolloutEnv) -> None:
    """A version that fails under traffic is tagged, and not retried by itself."""
    run = env.until_switch()
    env.platform.broken = {3}
    assert env.switch(run).verdict.action == "aborted"
    assert env.served() == 2
    assert env.registry.aliases == {"champion": 2, "previous": 1, "challenger": 3}
    with pytest.raises(RolloutRefused):
        env.promote(run)
    assert env.roll(holder="run-2") == ["nothing"]


def test_a_platform_that_is_down_is_no_verdict(env: RolloutEnv) -> None:
    """If the champion cannot be restored either, the stage fails and a retry goes on."""
    run = env.until_switch()
    env.platform.down = True
    with pytest.raises(PlatformUnavailable):
        env.switch(run)
    env.platform.down = False
    assert env.switch(run).verdict.action == "switched"
    assert env.promote(run).verdict.action == "promoted"


def test_no_alias_moves_to_a_version_that_does_not_serve(env: RolloutEnv) -> None:
    """Another version is served after the switch."""
    run = env.until_switch()
    env.switch(run)
    env.platform.forget(MODEL)
    with pytest.raises(PlatformUnavailable, match="cannot become champion"):
        env.promote(run)
    assert env.registry.aliases["champion"] == 2


def test_a_half_finished_rollout_is_finished(env: RolloutEnv) -> None:
    """Killed between switch and promote, the next rollout completes it."""
    run = env.reconcile("previous").ref.run
    env.verify(run)
    env.switch(run)
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    release(env.store, lease)
    assert env.roll(holder="run-2") == ["roll_back", "verified", "switched", "promoted"]
    assert env.registry.aliases == {"champion": 1}
    assert env.registry.tags[2]["slipway.rollout"] == "rolled_back"


def test_two_rollouts_exclude_one_another(env: RolloutEnv) -> None:
    """The sweep does nothing during the first; after a takeover the first cannot go on."""
    env.registry.aliases["challenger"] = 3
    run = env.reconcile().ref.run
    assert env.reconcile().ref.run == run
    waits = env.reconcile(holder="run-2").verdict
    assert (waits.action, waits.reason) == ("nothing", f"{run} of run-1 is in progress.")
    later = datetime.now(UTC) + timedelta(days=1)
    acquire(env.store, f"rollout-{MODEL}", holder="run-3", seconds=1, now=later)
    with pytest.raises(Superseded):
        env.verify(run)


def test_a_late_attempt_leaves_the_lease_to_its_successor(env: RolloutEnv) -> None:
    """Both attempts of a run hold one lease; the refused one does not release it."""
    env.registry.aliases["challenger"] = 3
    ask = env.platform.served
    answers = [0]

    def outlive(model: str) -> Served | None:
        answers[0] += 1
        if answers[0] == 2:
            # Airflow gives up the first attempt; its successor decides meanwhile.
            env.store.create(f"runs/{MODEL}/rollout-000001/reconcile/attempt-0002.json", b"{}")
        return ask(model)

    env.platform.served = outlive  # type: ignore[method-assign]
    with pytest.raises(Superseded):
        env.reconcile()
    assert not env.is_free()


def test_a_repeat_changes_nothing(env: RolloutEnv) -> None:
    """Every stage, run again, returns its record and touches neither traffic nor aliases."""
    env.registry.aliases["challenger"] = 3
    env.roll()
    aliases, applied = dict(env.registry.aliases), list(env.platform.applied)
    run = "rollout-000001"
    assert env.promote(run).verdict.action == "promoted"
    assert env.switch(run).verdict.action == "switched"
    assert env.verify(run).verdict.action == "verified"
    assert (env.registry.aliases, env.platform.applied) == (aliases, applied)


def test_a_version_that_is_not_there_cannot_be_asked_for(env: RolloutEnv) -> None:
    """`NotFound` is raised before a lease is taken."""
    with pytest.raises(NotFound):
        env.reconcile("9")
    assert env.is_free()


def _tampered(_folder: Path) -> Any:
    raise Tampered("a file of a model version differs from the one that was registered")
