"""`make integration … KEEP=1`: the command that deletes what was kept."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
SUITE = """\
import pytest
from tests.integration.conftest import KEPT

@pytest.fixture(scope="session", autouse=True)
def cluster(request):
    yield
    print("captured")
    request.config.stash[KEPT] = "kubectl delete namespace slipway-suite-1"

def test_one():
    pass
"""


def test_the_command_that_deletes_what_was_kept_is_shown_at_the_end(tmp_path: Path) -> None:
    """In a section of its own, although the suite's output is captured."""
    (tmp_path / "test_suite.py").write_text(SUITE)
    found = subprocess.run(
        [
            *(sys.executable, "-m", "pytest", str(tmp_path), "--rootdir", str(tmp_path)),
            *("-p", "tests.integration.conftest", "-p", "no:cacheprovider"),
        ],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert "captured" not in found
    *_, title, command, _, result = found.strip().splitlines()
    assert title.strip("= ") == "kept"
    assert command == "kubectl delete namespace slipway-suite-1"
    assert "1 passed" in result
