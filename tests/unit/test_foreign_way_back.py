"""A repair turns away from what served: that stays warm, as the next way back.

The rollback to it needs no MLflow then, whatever killed the rollouts between. The registry is a
plain one, whose alias a hand moved; an installation holds it against the ledger first.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import pytest

from slipway.errors import RegistryUnavailable
from slipway.records.leases import find_lease
from slipway.stages.model.version_tags import DIGEST
from slipway.stages.rollout.version_outcome import ROLLED_BACK, ROLLOUT_TAG, SERVING
from tests.fakes.kill_points import KillableStore, Killed, KillPoint, count_writes
from tests.support.rollout_env import MODEL, SPEC, RolloutEnv, evidence
from tests.unit.test_rollback_without_registry import Away

ONE_STEP = SPEC.model_copy(
    update={
        "deployment": SPEC.deployment.model_copy(
            update={"shift": SPEC.deployment.shift.model_copy(update={"steps": [10]})}
        )
    }
)
SWEEPS = 6

WAS_CHAMPION, BY_HAND = 3, 1


def served_by_three(store: KillableStore | None = None) -> RolloutEnv:
    """Version 3 was promoted over version 2, by the ledger too; 1 has served before."""
    env = RolloutEnv(store=store or KillableStore(), spec=ONE_STEP)
    env.registry.tags[4] = evidence(4, 3)
    for number, tags in env.registry.tags.items():
        tags[DIGEST] = f"sha-{number}"
    env.registry.tags[BY_HAND][ROLLOUT_TAG] = SERVING
    env.registry.aliases["challenger"] = WAS_CHAMPION
    assert env.roll(holder="promotion")[-1] == "promoted"
    return env


def to_one(env: RolloutEnv) -> None:
    """A hand names a version that served before: it is repaired."""
    env.registry.aliases["champion"] = BY_HAND


def warm(env: RolloutEnv) -> dict[int, str | None]:
    """Versions kept warm, with their digests."""
    served = env.platform.served(MODEL)
    assert served is not None
    return {version: served.digests.get(version) for version in served.keep}


def assert_rolls_back_without_mlflow(env: RolloutEnv, when: str = "") -> None:
    """What was champion serves again, though MLflow is away."""
    present, env.registry = env.registry, Away()  # type: ignore[assignment]
    run = env.reconcile("previous", holder="person").ref.run
    assert "was verified by" in env.verify(run).verdict.reason, when
    assert env.switch(run).verdict.action == "switched", when
    assert env.weights() == {WAS_CHAMPION: 1.0}, when
    with pytest.raises(RegistryUnavailable):
        env.promote(run)
    env.registry = present
    env.reconcile(holder="the next sweep", ended="person")
    assert env.registry.aliases["champion"] == WAS_CHAMPION, when


def test_what_served_stays_warm() -> None:
    """With its digest, from the first write on; sweeps do not undo it."""
    env = served_by_three()
    before = len(env.platform.applied)
    to_one(env)
    assert env.roll(holder="sweep")[-1] == "promoted"
    assert all(3 in {*weights, *keep} for weights, keep in env.platform.applied[before:])
    assert warm(env) == {3: "sha-3"}
    assert env.roll(holder="another sweep") == ["nothing"]
    assert warm(env) == {3: "sha-3"}
    assert_rolls_back_without_mlflow(env)


def test_the_former_previous_champion_stays_warm_until_the_switch() -> None:
    """A repair that is refused leaves it as the way back of the ledger."""
    env = served_by_three()
    to_one(env)
    env.platform.lenient = True
    assert env.roll(holder="sweep") == ["repair", "refused"]
    assert warm(env) == {2: "sha-2", 3: "sha-3"}


def test_a_kill_before_a_write_does_not_end_it() -> None:
    """The sweep that completes or repeats the rollout keeps it."""
    undisturbed, fuse = killable()
    undisturbed.roll(holder="run-1")
    assert fuse.seen > 20
    for writes in range(0, fuse.seen, 4):
        assert_still_a_way_back(killed(writes)[0], f"killed after {writes} writes")


def test_two_kills_in_a_row_do_not_end_it() -> None:
    """The sweep after a kill is killed as well."""
    for writes in range(10, 60, 9):
        env, fuse = killed(writes)
        fuse.seen, fuse.writes = 0, writes % 12
        with suppress(Killed):
            sweep(env, holder="killed")
        fuse.writes = None
        assert_still_a_way_back(env, f"killed after {writes} writes, and again")


def killed(writes: int) -> tuple[RolloutEnv, KillPoint]:
    """An environment whose rollout was killed after some writes."""
    env, fuse = killable()
    fuse.writes = writes
    with suppress(Killed):
        env.roll(holder="run-1")
    fuse.writes = None
    return env, fuse


def assert_still_a_way_back(env: RolloutEnv, when: str) -> None:
    """Once sweeps have nothing to do, it serves, or is warm and can be returned to."""
    sweep(env, holder="sweep")
    if env.weights() == {WAS_CHAMPION: 1.0}:
        # The canary of the hand's version was cut off.
        return
    assert warm(env) == {3: "sha-3"}, when
    assert_rolls_back_without_mlflow(env, when)


def blocked(env: RolloutEnv) -> None:
    """A hand tags it as rolled back."""
    env.registry.tags[3][ROLLOUT_TAG] = ROLLED_BACK


def deleted(env: RolloutEnv) -> None:
    """A hand deletes it in MLflow."""
    env.registry.delete_version(3)


def registered_anew(env: RolloutEnv) -> None:
    """Its number belongs to other bytes by now."""
    env.registry.tags[3][DIGEST] = "sha-other"


@pytest.mark.parametrize("lose", [blocked, deleted, registered_anew])
def test_what_may_not_serve_is_not_kept(lose: Callable[[RolloutEnv], None]) -> None:
    """Kept versions answer where others fail; the repair goes on without it."""
    env = served_by_three()
    before = len(env.platform.applied)
    lose(env)
    to_one(env)
    assert env.roll(holder="sweep") == ["repair", "verified", "switched", "promoted"]
    assert all(3 not in keep for _, keep in env.platform.applied[before:])


@pytest.mark.parametrize("lose", [blocked, deleted, registered_anew])
def test_what_is_lost_during_the_repair_is_dropped(lose: Callable[[RolloutEnv], None]) -> None:
    """The switch drops it, and goes on."""
    env = served_by_three()
    to_one(env)
    run = env.reconcile(holder="sweep").ref.run
    assert 3 in warm(env)
    lose(env)
    for stage, action in ((env.verify, "verified"), (env.switch, "switched")):
        assert stage(run).verdict.action == action
    assert 3 not in warm(env)
    assert env.promote(run).verdict.action == "promoted"


def test_a_warm_server_that_cannot_start_delays_nothing() -> None:
    """Only versions with a share are awaited."""
    env = served_by_three()
    to_one(env)
    env.platform.broken = {3}
    assert env.roll(holder="sweep") == ["repair", "verified", "switched", "promoted"]
    assert env.weights() == {1: 1.0}


def test_what_serves_with_other_bytes_than_the_ledger_has_is_not_kept() -> None:
    """It is another version, which no rollout made champion."""
    env = served_by_three()
    token = env.platform.served(MODEL).token  # type: ignore[union-attr]
    env.platform.apply(MODEL, weights={3: 1.0}, keep=[2], token=token, digests={3: "sha-other"})
    to_one(env)
    env.roll(holder="sweep")
    assert env.weights() == {1: 1.0}
    assert 3 not in warm(env)


def test_nothing_is_started_to_be_kept() -> None:
    """The platform forgot the traffic: the champion of the ledger did not serve."""
    env = served_by_three()
    env.platform.forget(MODEL)
    to_one(env)
    assert env.roll(holder="sweep")[-1] == "promoted"
    assert 3 not in warm(env)


def killable() -> tuple[RolloutEnv, KillPoint]:
    """An environment after a hand's edit, whose writes count, wherever they go."""
    store = KillableStore()
    env = served_by_three(store)
    to_one(env)
    return env, count_writes(env, store)


def sweep(env: RolloutEnv, *, holder: str) -> None:
    """Run the deploy DAG's stages, as cron does, until there is nothing to do."""
    for number in range(1, SWEEPS):
        lease = find_lease(env.store, f"rollout-{MODEL}")
        ended = lease.holder if lease else None
        name = f"{holder}-{number}"
        if env.reconcile(holder=name, ended=ended).verdict.action == "nothing":
            return
        env.roll(holder=name)
    pytest.fail(f"not quiet after {SWEEPS} sweeps")
