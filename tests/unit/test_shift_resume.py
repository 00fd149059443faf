"""A step of a rollout that is interrupted: kills, outages, manual edits and retries."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from slipway.errors import (
    EditedByHand,
    LeaseHeld,
    PlatformUnavailable,
)
from slipway.records.leases import find_lease, renew
from tests.fakes.kill_points import KillableStore, Killed, KillPoint
from tests.support.rollout_env import MODEL, STEPPED, RolloutEnv, verified


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_an_edit_by_hand_ends_a_step(env: RolloutEnv) -> None:
    """It is reported, and not overwritten; undone, the same step goes on."""
    run = verified(env)

    def edit(seconds: float) -> None:
        env.platform.edited = "weights 3: 900 instead of 100, set by kubectl-edit"
        env.platform.has_edited_traffic = True
        RolloutEnv.sleep(env, seconds)

    env.sleep = edit  # type: ignore[method-assign]
    with pytest.raises(EditedByHand, match="edited by hand") as caught:
        env.shift(run, 10)
    assert "kubectl-edit" in str(caught.value)
    assert env.weights() == {3: 0.1, 2: 0.9}
    with pytest.raises(EditedByHand):
        env.reconcile(holder="run-2")
    env.platform.edited, env.platform.has_edited_traffic = None, False
    del env.sleep  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "shifted"


def test_a_platform_that_took_long_to_fail_is_not_asked_again(env: RolloutEnv) -> None:
    """What it waited for in vain will not come the third time either."""
    run = verified(env)
    apply, tried = env.platform.apply, []

    def fail_slowly(model: str, *, weights: dict[int, float], **words: Any) -> None:
        if 3 in weights:
            tried.append(weights)
            env.now += 240
            raise PlatformUnavailable("the servers do not become ready", found="0 of 2")
        apply(model, weights=weights, **words)

    env.platform.apply = fail_slowly  # type: ignore[method-assign]
    assert env.shift(run, 10).verdict.action == "aborted"
    assert len(tried) == 1
    assert env.weights() == {2: 1.0}


@pytest.mark.parametrize("acts", range(12))
def test_a_step_killed_before_any_act_goes_on(acts: int) -> None:
    """However far it had come, the repeat ends as it would have ended."""
    store = KillableStore()
    env = RolloutEnv(store=store)
    env.registry.aliases["challenger"] = 3
    run = verified(env)
    env.platform.failing = {3: 0.5}
    kill_before_acts(env, store)
    store.kill_point = KillPoint(acts)
    with suppress(Killed):
        env.shift(run, 10)
    was_killed, store.kill_point = store.kill_point.seen == acts, KillPoint()
    assert was_killed or acts == 11
    assert env.shift(run, 10).verdict.action == "aborted"
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == "aborted"
    assert env.is_free()


def test_a_look_that_was_taken_stands(env: RolloutEnv) -> None:
    """Killed while it puts the champion back, a step does not look a second time."""
    run = verified(env)
    env.platform.failing = {3: 0.5}
    env.registry.tag = _killed  # type: ignore[method-assign]
    with pytest.raises(Killed):
        env.shift(run, 10)
    assert env.weights() == {2: 1.0}
    del env.registry.tag  # type: ignore[method-assign]
    env.platform.failing = {}
    applied = len(env.platform.applied)
    assert env.shift(run, 10).verdict.action == "aborted"
    assert [weights for weights, _ in env.platform.applied[applied:]] == [{2: 1.0}]


def test_a_platform_that_is_down_takes_no_step(env: RolloutEnv) -> None:
    """If the champion cannot be put back either there is no verdict, and a retry goes on."""
    run = verified(env)
    env.platform.down = True
    with pytest.raises(PlatformUnavailable):
        env.shift(run, 10)
    env.platform.down = False
    assert env.shift(run, 10).verdict.action == "shifted"


def test_an_abandoned_step_is_repaired_and_begun_again(env: RolloutEnv) -> None:
    """The next run says what it found, puts the champion back, and the one after rolls out."""
    run = verified(env)
    env.shift(run, 10)
    with pytest.raises(LeaseHeld):
        env.reconcile(holder="run-2")
    assert env.weights() == {3: 0.1, 2: 0.9}
    abandon(env)
    record = env.reconcile(holder="run-2")
    assert record.verdict.action == "repair"
    said = "version 3 shares the traffic with version 2 since an unfinished rollout."
    assert record.verdict.reason == said
    assert env.weights() == {2: 1.0}
    for stage in (env.verify, env.switch, env.promote):
        stage(record.ref.run)
    assert env.roll(holder="run-3") == STEPPED


def test_the_same_run_goes_on_where_it_stopped(env: RolloutEnv) -> None:
    """A task that is cleared finds the lease its own, and the steps that were done."""
    env.shift(verified(env), 10)
    assert env.roll() == STEPPED
    assert [weights for weights, _ in env.platform.applied].count({3: 0.1, 2: 0.9}) == 1


def abandon(env: RolloutEnv) -> None:
    """Let the lease of the rollout in flight run out."""
    lease = find_lease(env.store, f"rollout-{MODEL}")
    assert lease is not None
    renew(env.store, lease, seconds=-1)


def kill_before_acts(env: RolloutEnv, store: KillableStore) -> None:
    """Let the kill_point of a store count changes of traffic and tags as well."""
    apply, tag = env.platform.apply, env.registry.tag

    def fused_apply(*args: Any, **words: Any) -> None:
        store.kill_point.count_write()
        apply(*args, **words)

    def fused_tag(*args: Any) -> None:
        store.kill_point.count_write()
        tag(*args)

    env.platform.apply = fused_apply  # type: ignore[method-assign]
    env.registry.tag = fused_tag  # type: ignore[method-assign]


def _killed(*_: object) -> None:
    raise Killed


def test_a_platform_that_is_away_for_a_moment_is_tried_again(env: RolloutEnv) -> None:
    """One refused write aborts nothing."""
    run = verified(env)
    apply, tried = env.platform.apply, []

    def fail_once(model: str, *, weights: dict[int, float], **words: Any) -> None:
        if 3 in weights:
            tried.append(weights)
            if len(tried) == 1:
                raise PlatformUnavailable("the platform does not answer")
        apply(model, weights=weights, **words)

    env.platform.apply = fail_once  # type: ignore[method-assign]
    env.now = 1000.0
    assert env.shift(run, 10).verdict.action == "shifted"
    assert len(tried) == 2
