"""A step that waits in a thread until a newer rollout supersedes it."""

from __future__ import annotations

import threading

from slipway.errors import Superseded
from tests.rollouts.faults.project_files import STEP
from tests.rollouts.faults.rollout_env import RolloutEnv


def waiting_step(env: RolloutEnv, run: str) -> tuple[threading.Thread, list[Superseded]]:
    """A thread, not yet started, that runs a rollout's step, and the errors that end it."""
    ended: list[Superseded] = []

    def step() -> None:
        try:
            env.stage("shift", rollout=run, step=STEP)
        except Superseded as error:
            ended.append(error)

    return threading.Thread(target=step), ended
