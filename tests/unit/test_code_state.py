"""The state of the code that trains a model: commit, changes and lock."""

from __future__ import annotations

import subprocess
from pathlib import Path

from slipway.adapters.git_commit import read_code_state
from slipway.records.store import digest


def _git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=t", "-c", "user.email=t@example.org"]
    done = subprocess.run(
        ["git", *identity, *arguments],  # noqa: S607
        cwd=folder,
        check=True,
        capture_output=True,
        text=True,
    )
    return done.stdout.strip()


def test_a_checkout_has_commit_changes_and_lock(tmp_path: Path) -> None:
    """A dirty file is recorded, since the commit alone would mislead."""
    lock = tmp_path / "requirements" / "stages.txt"
    lock.parent.mkdir()
    lock.write_text("numpy==2.4.6\n")
    _git(tmp_path, "init", "--quiet")
    _git(tmp_path, "add", ".")
    _git(tmp_path, "commit", "--quiet", "--no-gpg-sign", "-m", "One")
    commit = _git(tmp_path, "rev-parse", "HEAD")
    state = read_code_state(tmp_path)
    assert (state.git_commit, state.lock_sha256) == (commit, digest(b"numpy==2.4.6\n"))
    lock.write_text("numpy==2.4.7\n")
    assert read_code_state(tmp_path).git_commit == f"{commit}-dirty"


def test_an_image_without_git_gets_its_commit(tmp_path: Path) -> None:
    """From a variable; without it the commit is unknown."""
    assert read_code_state(tmp_path).git_commit == "unknown"
    assert read_code_state(tmp_path).lock_sha256 == "unknown"
    assert read_code_state(tmp_path, commit="c0ffee").git_commit == "c0ffee"
