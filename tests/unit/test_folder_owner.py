"""A command that holds a state folder ends when another one asks it to."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from slipway.local.ownership import end_owner, owned, owner

HOLD = """
import sys, time
from pathlib import Path
from slipway.cli.signals import exit_on_sigterm
from slipway.local.ownership import owned
exit_on_sigterm()
with owned(Path(sys.argv[1])):
    print("holds", flush=True)
    time.sleep(60)
"""


def test_the_owner_of_a_folder_is_ended(tmp_path: Path) -> None:
    """In the middle of whatever it waits for, as `slipway down` and a new demo need it."""
    command = [sys.executable, "-c", HOLD, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as holder:
        try:
            assert holder.stdout is not None
            assert holder.stdout.readline() == "holds\n"
            assert owner(tmp_path) == holder.pid
            assert end_owner(tmp_path)
            assert holder.wait(10) == 143
        finally:
            holder.kill()
    assert owner(tmp_path) is None


def test_a_folder_without_an_owner_ends_nothing(tmp_path: Path) -> None:
    """Nor does one that never was."""
    assert not end_owner(tmp_path)
    assert not end_owner(tmp_path / "none")
    with owned(tmp_path) as is_ours:
        assert is_ours
