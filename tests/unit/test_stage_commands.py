"""`slipway run` as in a pod: its stored outcome, and its end by SIGTERM."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from slipway.adapters.object_store import open_store
from slipway.cli.commands import commands
from slipway.errors import Permanent
from slipway.records.stage_errors import find_error
from tests.support.small_specs import FILES

Make = Callable[[Mapping[str, str]], Path]


def test_a_stage_ends_on_sigterm(tmp_path: Path) -> None:
    """SIGTERM raises an exception in it, also as PID 1 of a container, so that it cleans up."""
    code = (
        "import os, signal\n"
        "from slipway.cli.signals import exit_on_sigterm\n"
        "exit_on_sigterm()\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGTERM)\n"
        "    signal.pause()\n"
        "finally:\n"
        f"    open({str(tmp_path / 'tidy')!r}, 'w').close()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], check=False)
    assert done.returncode == 143
    assert (tmp_path / "tidy").exists()


@pytest.mark.parametrize("words", [("--model", "sales", "--request", "9"), ("--model", "sales")])
def test_a_stage_in_a_pod_stores_its_error(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Under its task's key; also an error in its arguments."""
    root = str(tmp_path / "store")
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project(FILES)))
    monkeypatch.setenv("SLIPWAY_STORE", root)
    result = CliRunner().invoke(commands, ["run", "gate", *words, "--outcome", "outcomes/x.json"])
    assert result.exit_code == 1
    error = find_error(open_store(root), "outcomes/x.json")
    assert isinstance(error, Permanent)
    assert error.message in result.output
