"""A step of a rollout that is interrupted: kills, outages, manual edits and retries."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

import pytest

from slipway.errors import (
    EditedByHand,
    PlatformUnavailable,
)
from tests.fakes.kill_points import KillableStore, Killed, KillPoint
from tests.support.rollout_env import STEPPED, RolloutEnv, abandon, verified


@pytest.fixture
def env() -> RolloutEnv:
    """Version 2 serves, and version 3 is its challenger."""
    made = RolloutEnv()
    made.registry.aliases["challenger"] = 3
    return made


def test_a_manual_edit_ends_a_step(env: RolloutEnv) -> None:
    """It is reported, and not overwritten; once it is undone, the same step goes on."""
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


def test_a_slow_failure_is_not_retried(env: RolloutEnv) -> None:
    """A long wait has failed already, and would fail again."""
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
def test_a_step_killed_before_any_write_is_completed(acts: int) -> None:
    """The repeat ends as the step would have ended."""
    store = KillableStore()
    env = RolloutEnv(store=store)
    env.registry.aliases["challenger"] = 3
    run = verified(env)
    env.platform.failing = {3: 0.5}
    count_all_writes(env, store)
    store.kill_point = KillPoint(acts)
    with suppress(Killed):
        env.shift(run, 10)
    was_killed, store.kill_point = store.kill_point.seen == acts, KillPoint()
    assert was_killed or acts == 11
    assert env.shift(run, 10).verdict.action == "aborted"
    assert env.weights() == {2: 1.0}
    assert env.registry.tags[3]["slipway.rollout"] == "aborted"
    assert env.is_free()


def test_a_recorded_analysis_stands(env: RolloutEnv) -> None:
    """Killed while it restores the champion, a step is not analysed a second time."""
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
    """If the champion cannot be restored either there is no verdict, and a retry goes on."""
    run = verified(env)
    env.platform.down = True
    with pytest.raises(PlatformUnavailable):
        env.shift(run, 10)
    env.platform.down = False
    assert env.shift(run, 10).verdict.action == "shifted"


def test_an_abandoned_step_is_repaired_and_begun_again(env: RolloutEnv) -> None:
    """The next run reports the state and restores the champion; the one after rolls out."""
    run = verified(env)
    env.shift(run, 10)
    assert env.reconcile(holder="run-2").verdict.action == "nothing"
    assert env.weights() == {3: 0.1, 2: 0.9}
    abandon(env)
    record = env.reconcile(holder="run-2")
    assert record.verdict.action == "repair"
    reason = "version 3 shares the traffic with version 2 since an unfinished rollout."
    assert record.verdict.reason == reason
    assert env.weights() == {2: 1.0}
    for stage in (env.verify, env.switch, env.promote):
        stage(record.ref.run)
    assert env.roll(holder="run-3") == STEPPED


def test_a_repeated_run_keeps_its_steps(env: RolloutEnv) -> None:
    """A cleared task has its lease and the recorded steps."""
    env.shift(verified(env), 10)
    assert env.roll() == STEPPED
    assert [weights for weights, _ in env.platform.applied].count({3: 0.1, 2: 0.9}) == 1


def count_all_writes(env: RolloutEnv, store: KillableStore) -> None:
    """Count changes of traffic and tags at the kill point of a store, too."""
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


def test_a_short_outage_is_retried(env: RolloutEnv) -> None:
    """One refused write does not abort a step."""
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
