"""Rollouts and rollbacks on real servers: at once, on a killed platform, and on a full disk."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from slipway.errors import Superseded
from tests.serving.disks import FullDisk, small_disk
from tests.serving.model_versions import MODEL
from tests.serving.processes import until
from tests.serving.rollouts_on_mlflow import RolloutsOnMlflow, rollouts_on_mlflow

PROMPTLY_S = 15.0
"""Within this a sweep has put the champion back, on a busy machine."""


@pytest.fixture
def rollouts(tmp_path: Path, mlflow_server: str) -> Iterator[RolloutsOnMlflow]:
    """Version 1 is champion and serves."""
    with rollouts_on_mlflow(tmp_path, mlflow=mlflow_server) as made:
        made.serve_first()
        yield made


@pytest.fixture
def with_own_mlflow(tmp_path: Path) -> Iterator[RolloutsOnMlflow]:
    """The same, on an MLflow server that the test may kill."""
    with rollouts_on_mlflow(tmp_path) as made:
        made.serve_first()
        yield made


def test_a_rollout_goes_on_after_its_platform_was_restarted(rollouts: RolloutsOnMlflow) -> None:
    """Killed after the switch: the sweep awaits the servers, and does not repair."""
    rollouts.roll_until("switch")
    rollouts.restart_platform()
    assert rollouts.roll_out(holder="sweep", ended="run") == [
        *("roll_out", "verified", "unneeded", "switched", "promoted")
    ]
    assert (rollouts.alias("champion"), rollouts.weights()) == (2, {2: 1.0})
    assert rollouts.answers_as(2)


def test_a_candidate_that_died_is_replaced_promptly(rollouts: RolloutsOnMlflow) -> None:
    """Its server has ended, which is no start of the platform: the champion is put back."""
    rollouts.roll_until("switch")
    # It cannot start again: neither the copy nor the version itself is there.
    (rollouts.env.scratch / "models").rename(rollouts.env.scratch / "elsewhere")
    rollouts.hands.delete_model_version(MODEL, "2")
    os.kill(rollouts.env.status()["servers"]["2"]["pid"], signal.SIGKILL)
    until(lambda: not rollouts.env.status()["servers"]["2"]["ready"], "its server has ended")
    began = time.monotonic()
    assert rollouts.reconcile(holder="sweep", ended="run").verdict.action == "repair"
    assert time.monotonic() - began < PROMPTLY_S
    assert rollouts.weights() == {1: 1.0}
    assert rollouts.answers_as(1)


def test_a_rollback_without_mlflow_after_a_hand_moved_the_champion(
    with_own_mlflow: RolloutsOnMlflow,
) -> None:
    """What served until then is warm, so that it serves again within seconds, without a gap."""
    rollouts = with_own_mlflow
    rollouts.roll_until("promote")
    sealed = rollouts.served()
    with rollouts.env.background() as clients:
        rollouts.registry.set_alias(MODEL, "champion", 1)
        assert rollouts.roll_out(holder="sweep") == [
            *("repair", "verified", "unneeded", "switched", "promoted")
        ]
        assert (rollouts.alias("champion"), rollouts.alias("previous")) == (1, 2)
        until(lambda: rollouts.env.status()["servers"]["2"]["ready"], "version 2 is warm")
        rollouts.end_mlflow()
        began = time.monotonic()
        run = rollouts.reconcile("previous", holder="ada").ref.run
        assert rollouts.verify(run) == "verified"
        assert rollouts.switch(run) == "switched"
        assert time.monotonic() - began < PROMPTLY_S
        clients.wait_for(20)
    assert clients.failed == []
    assert (rollouts.weights(), rollouts.served()) == ({2: 1.0}, sealed)
    assert rollouts.answers_as(2)


def test_two_rollbacks_at_once_beside_a_running_canary(rollouts: RolloutsOnMlflow) -> None:
    """Both mean the canary: the champion stays, and no request fails."""
    rollouts.roll_until("promote")
    rollouts.train(seed=3)
    run = rollouts.reconcile(holder="dag").ref.run
    assert rollouts.verify(run) == "verified"
    ended: list[object] = []

    def wait_for_requests() -> None:
        try:
            ended.append(rollouts.shift(run, requests=10**6))
        except Superseded as error:
            ended.append(error)

    asked_at, went = datetime.now(UTC), dict[str, list[str]]()

    def roll_back(holder: str) -> None:
        try:
            went[holder] = rollouts.roll_out("previous", holder=holder, asked_at=asked_at)
        except Superseded:
            went[holder] = ["superseded"]

    step = threading.Thread(target=wait_for_requests)
    people = [threading.Thread(target=roll_back, args=(name,)) for name in ("ada", "bob")]
    with rollouts.env.background() as clients:
        step.start()
        until(lambda: len(rollouts.weights()) == 2, "requests are shared")
        clients.wait_for(20)
        asked_at = datetime.now(UTC)
        for one in people:
            one.start()
        for one in (*people, step):
            one.join(timeout=120)
        clients.wait_for(20)
    # A second wish may overtake the rollout of the first one, whose repair is done.
    ends = sorted(went.values())
    assert ends[0] == ["nothing"]
    assert ends[1] in (
        ["repair", "verified", "unneeded", "switched", "promoted"],
        ["superseded"],
    )
    assert [type(one) for one in ended] == [Superseded]
    assert clients.failed == []
    assert (rollouts.alias("champion"), rollouts.weights()) == (2, {2: 1.0})
    assert rollouts.outcome(3) == "rolled_back"
    assert rollouts.reconcile(holder="sweep").verdict.action == "nothing"


def test_a_full_scratch_folder(tmp_path: Path, mlflow_server: str) -> None:
    """Requests get 503 and the champion stays; with room both go on, by the version's number."""
    with (
        small_disk(tmp_path / "disk", mib=16) as disk,
        rollouts_on_mlflow(
            tmp_path,
            mlflow=mlflow_server,
            scratch=tmp_path / "disk" / "scratch",
            observed_within_seconds=8,
        ) as rollouts,
    ):
        if not isinstance(disk, FullDisk):
            pytest.skip("a small disk can only be mounted by root")
        rollouts.serve_first()
        rollouts.train(seed=2)
        disk.fill(rollouts.env.process)
        until(lambda: rollouts.ask().status_code == 503, "nothing can be logged")
        run = rollouts.reconcile().ref.run
        assert rollouts.verify(run) == "verified"
        # Its download has no room, which says nothing of the version itself.
        assert rollouts.shift(run) == "aborted"
        assert (rollouts.alias("champion"), rollouts.weights()) == (1, {1: 1.0})
        rollouts.restart_platform()
        disk.free(rollouts.env.process)
        rollouts.await_ready()
        assert rollouts.answers_as(1)
        with rollouts.env.background() as clients:
            assert rollouts.roll_out("2", holder="ada")[-1] == "promoted"
            clients.wait_for(20)
        assert clients.failed == []
        assert (rollouts.alias("champion"), rollouts.weights()) == (2, {2: 1.0})
