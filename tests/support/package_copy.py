"""A process with a copy of the package that has one more row in a table."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import slipway

PROJECT = Path(__file__).parents[2]


def run_with_row(
    folder: Path, *, table: str, row: str, script: str, files: Mapping[str, str] | None = None
) -> None:
    """Run a script on a copy of the package; fail unless it exits with 0.

    Args:
        folder: Where the copy is made.
        table: File of the table, below the package, e.g. `spec/metrics.py`.
        row: Lines to insert before its first row.
        script: Python source to run.
        files: Further files by path; `slipway/…` is in the package.
    """
    copy = folder / "slipway"
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(Path(slipway.__file__).parent, copy, ignore=ignored)
    start = "    for row in (\n"
    before, after = (copy / table).read_text().split(start)
    (copy / table).write_text(f"{before}{start}{row}{after}")
    for name, text in (files or {}).items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    environment = {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{PROJECT}"}
    command = [sys.executable, "-c", script]
    done = subprocess.run(
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
