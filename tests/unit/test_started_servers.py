"""A platform that was restarted is observed once it knows which of its servers can answer."""

from __future__ import annotations

import pytest

from slipway.stages.rollout.started_servers import STARTING_SECONDS
from tests.support.rollout_env import RolloutEnv, abandon


@pytest.fixture
def switched() -> RolloutEnv:
    """Version 3 has all traffic; its rollout died before version 3 became champion."""
    env = RolloutEnv()
    assert env.switch(env.until_switch()).verdict.action == "switched"
    abandon(env)
    env.requests_a_second = 0
    return env


def ready_after(env: RolloutEnv, seconds: float) -> None:
    """Let the platform's servers start now, and answer after some seconds."""
    env.platform.starting = {1, 2, 3}

    def sleep(more: float) -> None:
        RolloutEnv.sleep(env, more)
        if env.now >= seconds:
            env.platform.starting = set()

    env.sleep = sleep  # type: ignore[method-assign]
    env.now = 0.0


def test_a_rollout_goes_on_after_its_platform_was_restarted(switched: RolloutEnv) -> None:
    """It ended in repairs of the champion, though nothing was wrong with its version."""
    ready_after(switched, 12.0)
    assert switched.roll(holder="run-2") == ["roll_out", "verified", "switched", "promoted"]
    assert switched.registry.aliases["champion"] == 3
    assert 12.0 <= switched.now < STARTING_SECONDS


def test_a_champion_is_not_repaired_because_its_platform_was_restarted() -> None:
    """The sweep has nothing to do, and gives its lease back."""
    env = RolloutEnv()
    ready_after(env, 12.0)
    assert env.reconcile().verdict.action == "nothing"
    assert env.is_free()


def test_a_server_that_never_starts_is_awaited_once(switched: RolloutEnv) -> None:
    """Then the champion has its traffic back."""
    ready_after(switched, float("inf"))
    switched.platform.starting = {3}
    record = switched.reconcile(holder="run-2")
    assert (record.verdict.action, switched.served()) == ("repair", 2)
    assert switched.now == STARTING_SECONDS


def test_a_version_that_died_is_not_awaited(switched: RolloutEnv) -> None:
    """The champion is put back at once."""
    ready_after(switched, 12.0)
    switched.platform.starting, switched.platform.sick = set(), {3}
    record = switched.reconcile(holder="run-2")
    assert (record.verdict.action, switched.served(), switched.now) == ("repair", 2, 0.0)


def test_a_canary_that_is_nobody_s_is_ended_at_once() -> None:
    """Whether its server answers does not matter."""
    env = RolloutEnv()
    env.registry.aliases["challenger"] = 3
    run = env.reconcile().ref.run
    env.verify(run)
    env.shift(run, 10)
    abandon(env)
    ready_after(env, 12.0)
    assert env.reconcile(holder="run-2").verdict.action == "repair"
    assert (env.weights(), env.now) == ({2: 1.0}, 0.0)


def test_a_rollback_does_not_wait(switched: RolloutEnv) -> None:
    """It is urgent, whatever the platform knows."""
    ready_after(switched, 12.0)
    record = switched.reconcile("previous", holder="person")
    assert (record.verdict.action, switched.now) == ("roll_back", 0.0)
