"""The platform is killed on real servers, at a rest and during rollbacks."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from slipway.errors import PlatformUnavailable
from tests.serving.processes import until
from tests.serving.rollouts_on_mlflow import RolloutsOnMlflow, rollouts_on_mlflow


@pytest.fixture
def rollouts(tmp_path: Path) -> Iterator[RolloutsOnMlflow]:
    """Version 1 is champion and serves."""
    with rollouts_on_mlflow(tmp_path) as made:
        made.serve_first()
        yield made


def tried_again(stage: Callable[[], str]) -> str:
    """Action of a stage that Airflow tries again while the platform does not answer."""

    def action() -> str | None:
        try:
            return stage()
        except PlatformUnavailable:
            return None

    found: str = until(action, "the stage has succeeded")
    return found


def test_a_champion_is_not_repaired_because_its_platform_was_restarted(
    rollouts: RolloutsOnMlflow,
) -> None:
    """The sweep awaits its server, and has nothing to do."""
    rollouts.restart_platform()
    assert rollouts.roll_out(holder="sweep") == ["nothing"]
    assert rollouts.answers_as(1)


@pytest.mark.parametrize("killed_before", ["switch", "promote"])
def test_a_platform_killed_during_a_rollback(
    rollouts: RolloutsOnMlflow, killed_before: str
) -> None:
    """The tasks are tried again, and the rollback ends where it was to end."""
    rollouts.roll_until("promote")
    run = rollouts.reconcile("previous", holder="ada").ref.run
    assert rollouts.verify(run) == "verified"
    assert rollouts.shift(run) == "unneeded"
    if killed_before == "promote":
        assert rollouts.switch(run) == "switched"
    rollouts.restart_platform()
    if killed_before == "switch":
        assert tried_again(lambda: rollouts.switch(run)) == "switched"
    assert tried_again(lambda: rollouts.promote(run)) == "promoted"
    assert (rollouts.alias("champion"), rollouts.weights()) == (1, {1: 1.0})
    assert rollouts.answers_as(1)
    assert rollouts.outcome(2) == "rolled_back"
    assert rollouts.reconcile(holder="sweep").verdict.action == "nothing"


def test_a_rollback_whose_task_died_with_the_platform(rollouts: RolloutsOnMlflow) -> None:
    """Nobody tries it again: the sweep alone completes it."""
    rollouts.roll_until("promote")
    run = rollouts.reconcile("previous", holder="ada").ref.run
    assert rollouts.verify(run) == "verified"
    assert rollouts.switch(run) == "switched"
    rollouts.restart_platform()
    assert rollouts.roll_out(holder="sweep", ended="ada")[0] == "roll_back"
    assert (rollouts.alias("champion"), rollouts.weights()) == (1, {1: 1.0})
    assert rollouts.reconcile(holder="sweep").verdict.action == "nothing"
