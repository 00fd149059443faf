"""`slipway run` as a pod runs it: it leaves what it decides, and ends when it is told."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest
from click.testing import CliRunner

from slipway.adapters.object_store import open_store
from slipway.cli import main
from slipway.errors import Permanent
from slipway.records.outcomes import find_error
from tests.support.small_specs import FILES

Make = Callable[[Mapping[str, str]], Path]


def test_a_stage_ends_when_it_is_told(tmp_path: Path) -> None:
    """SIGTERM raises in it, also as the first process of a container, so that it tidies up."""
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
def test_a_pods_stage_leaves_why_it_failed(
    project: Make, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...]
) -> None:
    """Under the key that its task gave it; a mistake in its arguments, too."""
    root = str(tmp_path / "store")
    monkeypatch.setenv("SLIPWAY_PROJECT", str(project(FILES)))
    monkeypatch.setenv("SLIPWAY_STORE", root)
    result = CliRunner().invoke(main, ["run", "gate", *words, "--outcome", "outcomes/x.json"])
    assert result.exit_code == 1
    error = find_error(open_store(root), "outcomes/x.json")
    assert isinstance(error, Permanent)
    assert error.message in result.output
