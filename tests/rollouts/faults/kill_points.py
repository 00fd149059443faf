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
        kill_point: Counts the writes; every write after the last allowed one fails, too.
        kinds: Only these writes count.
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
    """Whether a rollout died at a write; then others have ended well, and left nothing behind.

    No handler of errors runs, and the next run begins when the dead one's lease has lapsed.

    Args:
        env: The model, with clients.
        writes: How many writes to the cluster and the registry come before that.
    """
    died = True
    with killed_after(KillPoint(writes)), suppress(Killed):
        env.run_rollout()
        died = False
    env.expire_lease()
    for _ in range(3):
        if env.aliases() == {"champion": CANDIDATE, "previous": CHAMPION}:
            break
        said = env.run_rollout()
        assert said[-1] == "promoted", said
    env.assert_consistent(CANDIDATE, CHAMPION)
    return died


def killed_at(env: RolloutEnv, fault: Fault, *command: str, run: str) -> int:
    """Exit status of a stage's own process that was killed with SIGKILL while it wrote.

    Args:
        env: The model.
        fault: The write, which hangs meanwhile.
        *command: Stage and its own options.
        run: The rollout.
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
            env.cluster.wait("it writes", lambda: fault.times == 0, seconds=60)
        finally:
            process.kill()
    env.cluster.recover()
    return process.returncode
