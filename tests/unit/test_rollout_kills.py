"""A rollout that is killed before any of its writes: the sweep alone makes all stores agree."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from datetime import UTC, datetime

import pytest

from slipway.records import ledger
from slipway.records.champion_history import champion_as_of
from slipway.records.leases import find_lease
from slipway.records.open_work import open_stages
from tests.fakes.kill_points import KillableStore, Killed, KillPoint, count_writes
from tests.support.rollout_env import MODEL, SPEC, RolloutEnv

ONE_STEP = SPEC.model_copy(
    update={
        "deployment": SPEC.deployment.model_copy(
            update={"shift": SPEC.deployment.shift.model_copy(update={"steps": [10]})}
        )
    }
)
SWEEPS = 6


def promotion(env: RolloutEnv) -> None:
    """Version 3 becomes champion."""
    env.registry.aliases["challenger"] = 3


def rollback(env: RolloutEnv) -> None:
    """Version 1 becomes champion again."""


def refusal(env: RolloutEnv) -> None:
    """Version 3 is refused, since it accepts bad inputs."""
    env.registry.aliases["challenger"] = 3
    env.platform.lenient = True


def abortion(env: RolloutEnv) -> None:
    """Version 3 answers many requests with errors."""
    env.registry.aliases["challenger"] = 3
    env.platform.failing = {3: 0.5}


SCENARIOS = [
    (promotion, "challenger", {3}),
    (rollback, "previous", {1, 2}),
    (refusal, "challenger", {2}),
    (abortion, "challenger", {2}),
]


@pytest.mark.parametrize(("prepare", "to", "champions"), SCENARIOS)
def test_the_sweep_completes_or_undoes_a_killed_rollout(
    prepare: Callable[[RolloutEnv], None], to: str, champions: set[int]
) -> None:
    """Aliases, traffic, tags, records, ledger and lease agree after a kill at each write."""
    undisturbed, fuse = killable(prepare)
    undisturbed.roll(to)
    assert fuse.seen > MANY
    for writes in range(fuse.seen):
        env, fuse = killable(prepare)
        fuse.writes = writes
        with pytest.raises(Killed):
            env.roll(to)
        fuse.writes = None
        sweep(env, ended="run-1")
        assert_agreement(env, champions, f"killed after {writes} writes")


@pytest.mark.parametrize(("prepare", "to", "champions"), SCENARIOS)
def test_two_kills_in_a_row_change_nothing(
    prepare: Callable[[RolloutEnv], None], to: str, champions: set[int]
) -> None:
    """The sweep that completes a killed rollout is killed as well."""
    for writes in range(8, 60, 9):
        for later in (1, 5, 9):
            env, fuse = killable(prepare)
            fuse.writes = writes
            try:
                env.roll(to)
            except Killed:
                fuse.seen, fuse.writes = 0, later
                with suppress(Killed):
                    env.roll(holder="sweep-0")
            fuse.writes = None
            sweep(env, ended="sweep-0")
            assert_agreement(env, champions, f"killed after {writes} and {later} writes")


MANY = 20


def killable(prepare: Callable[[RolloutEnv], None]) -> tuple[RolloutEnv, KillPoint]:
    """An environment whose writes count, wherever they go."""
    store = KillableStore()
    env = RolloutEnv(store=store, spec=ONE_STEP)
    prepare(env)
    return env, count_writes(env, store)


def sweep(env: RolloutEnv, *, ended: str) -> None:
    """Run the deploy DAG's stages, as cron does, until there is nothing to do."""
    for number in range(1, SWEEPS):
        lease = find_lease(env.store, f"rollout-{MODEL}")
        record = env.reconcile(holder=f"sweep-{number}", ended=lease.holder if lease else ended)
        if record.verdict.action == "nothing":
            return
        env.roll(holder=f"sweep-{number}")
    pytest.fail(f"not quiet after {SWEEPS} sweeps: {record.verdict}")


def assert_agreement(env: RolloutEnv, champions: set[int], when: str) -> None:
    """All stores say the same."""
    champion = env.registry.aliases["champion"]
    assert env.weights() == {champion: 1.0}, when
    assert champion in champions, when
    entered = champion_as_of(env.store, MODEL, datetime.now(UTC))
    assert entered is None or entered.version == champion, when
    assert entered is not None or champion == 2, when
    assert ledger.verify(env.store, MODEL) == [], when
    assert env.is_free(), when
    assert list(open_stages(env.store, MODEL)) == [], when
    if champions == {2}:
        assert env.registry.tags[3]["slipway.rollout"] in {"refused", "aborted"}, when
