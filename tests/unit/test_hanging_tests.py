"""Tests that never end, in a run of pytest of their own."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import hanging_tests

ROOT = Path(__file__).parents[2]
HANG = """\
import time

import pytest


def hang():
    while True:
        try:
            time.sleep(600)
        except BaseException:
            pass


@pytest.fixture
def stuck():
    yield
    hang()
"""
IN_ITS_CLEANUP = "def test_cleans_up(stuck):\n    assert False\n"
DESPITE_ITS_LIMIT = "def test_goes_on():\n    hang()\n"


@pytest.mark.parametrize("test", [IN_ITS_CLEANUP, DESPITE_ITS_LIMIT], ids=["cleanup", "body"])
def test_a_test_that_hangs_is_named_with_its_stack(tmp_path: Path, test: str) -> None:
    """The run fails within its limits, whether the body hangs or the cleanup of a failure."""
    (tmp_path / "test_stuck.py").write_text(f"{HANG}\n\n{test}")
    (tmp_path / "pytest.ini").write_text("[pytest]\ntimeout = 1\n")
    command = [sys.executable, "-m", "pytest", "-p", hanging_tests.__name__, "-n", "1"]
    command += ["--max-worker-restart", "0", "--rootdir", str(tmp_path), str(tmp_path)]
    ended = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False
    )
    assert ended.returncode == pytest.ExitCode.TESTS_FAILED
    name = test.partition("(")[0].removeprefix("def ")
    assert f"crashed while running 'test_stuck.py::{name}'" in ended.stdout
    assert 'test_stuck.py", line 9 in hang' in ended.stderr
