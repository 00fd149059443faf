"""A backtest whose processes are killed goes on, and ends as one that was not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.backtest_env import write_days, write_project
from tests.support.command_line import slipway

BEGINS_WITHIN_S, ENDS_WITHIN_S = 300.0, 30.0


def result_of(out: Path) -> dict[str, Any]:
    """The result of a backtest, but for the time of its fits."""
    kept: dict[str, Any] = json.loads((out / "backtest.json").read_text())
    for one in kept["policies"]:
        del one["fit_seconds"]
    return kept


def test_a_killed_backtest_goes_on_and_ends_as_one_that_was_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGKILL ends its processes too; the same command gives the same result."""
    monkeypatch.setenv("SLIPWAY_PROJECT", str(write_project(tmp_path / "project")))
    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    files = write_days(tmp_path / "files", 6, turn=3)
    words = ["backtest", "ferry_delay", "--file", str(files), "--policies", "never,spec"]
    assert slipway(*words, "--out", str(tmp_path / "whole")).exit_code == 0
    out = tmp_path / "out"
    command = [sys.executable, "-m", "slipway.cli", *words, "--jobs", "2", "--out", str(out)]
    stopped = subprocess.Popen(command, start_new_session=True)
    try:
        until = time.monotonic() + BEGINS_WITHIN_S
        while not list(out.glob("history-*/lanes/*/progress.json")):
            assert time.monotonic() < until
            assert stopped.poll() is None
            time.sleep(0.02)
    finally:
        stopped.kill()
        stopped.wait()
    until = time.monotonic() + ENDS_WITHIN_S
    while _is_alive(stopped.pid):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert slipway(*words, "--out", str(out)).exit_code == 0
    assert result_of(out) == result_of(tmp_path / "whole")


def _is_alive(group: int) -> bool:
    """Whether any process of a group is left."""
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
