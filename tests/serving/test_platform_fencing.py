"""A newer rollout claims the traffic of a real platform during a change of an older one."""

from __future__ import annotations

import shutil
import threading
import time
from pathlib import Path

import pytest

from slipway.errors import Superseded
from slipway.stages.rollout.platform import VersionStats
from tests.serving.model_versions import MODEL
from tests.serving.platform_env import running_platform_env
from tests.serving.processes import until


def test_a_slow_older_change_gives_up_and_changes_nothing(versions: Path, tmp_path: Path) -> None:
    """It waits for a server that never starts; the champion's counts survive the claim."""
    folder = tmp_path / "versions"
    shutil.copytree(versions / "1", folder / "1")
    with running_platform_env(tmp_path, folder) as env, env.background() as background:
        env.serve(1, keep=[])
        background.wait_for(20)
        failed: list[BaseException] = []

        def change() -> None:
            try:
                env.adapter.apply(MODEL, weights={2: 0.5, 1: 0.5}, keep=[], token=1)
            except Superseded as error:
                failed.append(error)

        older = threading.Thread(target=change)
        older.start()
        until(lambda: env.status()["desired"] == 2, "the older change is asked for")
        asked = env.tallies()[1]
        began = time.monotonic()
        env.adapter.claim(MODEL, token=2)
        older.join(20)
        assert time.monotonic() - began < 10
        assert len(failed) == 1
        until(lambda: env.status()["token"] == 2, "the claim is in force")
        shutil.copytree(versions / "2", folder / "2")
        background.wait_for(20)
        served = env.adapter.served(MODEL)
        assert served is not None
        assert (served.weights, served.token) == ({1: 1.0}, 2)
        assert served.tallies.get(1, VersionStats()).asked > asked.asked
        with pytest.raises(Superseded):
            env.adapter.apply(MODEL, weights={2: 1.0}, keep=[], token=1)
    assert background.failed == []
