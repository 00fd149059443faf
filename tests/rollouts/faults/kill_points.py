"""Stages that are killed, in this process and as processes of their own."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.platforms.cluster.api_client import NamespaceClient
from tests.fakes.kill_points import Killed, KillPoint
from tests.kubernetes_double.api.faults import Fault
from tests.rollouts.faults.rollout_env import RolloutEnv
from tests.rollouts.faults.versions import CANDIDATE, CHAMPION
from tests.support.models_on_cluster import MODEL

WRITES = {
    NamespaceClient: ("apply", "delete"),
    MlflowRegistry: ("set_alias", "delete_alias", "tag", "anchor"),
}
"""Everything by which a rollout changes the cluster and the registry."""


@contextmanager
def killed_after(kill_point: KillPoint, kinds: tuple[type, ...] = tuple(WRITES)) -> Iterator[None]:
    """Kill the writer to the cluster or the registry after a number of writes.

    Args:
        kill_point: Counts the writes; every write after the last allowed one raises too.
        kinds: Classes whose writes count.
    """
    with pytest.MonkeyPatch.context() as patch:
        for kind in kinds:
            for name in WRITES[kind]:
                patch.setattr(kind, name, _killable(getattr(kind, name), kill_point))
        yield


def _killable(act: Any, kill_point: KillPoint) -> Any:
    def write(*given: Any, **named: Any) -> Any:
        kill_point.count_write()
        return act(*given, **named)

    return write


def is_killed_and_recovers(env: RolloutEnv, *, writes: int) -> bool:
    """Whether a rollout died at a write; later runs must succeed and leave nothing behind.

    No error handler runs, and the next run begins after the dead one's lease.

    Args:
        env: A model on a cluster, with clients.
        writes: Number of writes before the kill.
    """
    died = True
    with killed_after(KillPoint(writes)), suppress(Killed):
        env.run_rollout()
        died = False
    env.expire_lease()
    for _ in range(3):
        if env.aliases() == {"champion": CANDIDATE, "previous": CHAMPION}:
            break
        actions = env.run_rollout()
        # Whatever begins next completes a promotion that was decided, and finds nothing left to do.
        assert actions[-1] in {"promoted", "nothing"}, actions
    env.assert_consistent(CANDIDATE, CHAMPION)
    return died


def killed_at(env: RolloutEnv, fault: Fault, *command: str, run: str) -> int:
    """Exit status of a stage's own process that is killed with SIGKILL during a write.

    Args:
        env: A model on a cluster.
        fault: Makes the write hang.
        *command: Stage and its options.
        run: Run of the rollout.
    """
    env.cluster.api.fail(fault)
    slipway = [sys.executable, "-m", "slipway.cli", "run"]
    with subprocess.Popen(
        [*slipway, *command, "--model", MODEL, "--rollout", run],
        env={**os.environ, **env.environ},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    ) as process:
        try:
            env.cluster.wait("the write", lambda: fault.times == 0, seconds=60)
        finally:
            process.kill()
    env.cluster.recover()
    return process.returncode
