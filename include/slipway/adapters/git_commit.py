"""Read the state of the code (git): commit, uncommitted changes, lock, bills of materials."""

from __future__ import annotations

import subprocess
from pathlib import Path

from slipway.records.store import digest
from slipway.stages.model.provenance import CodeState
from slipway.stages.model.sbom import IMAGES, file_name

UNKNOWN = "unknown"
ANSWER_WITHIN_S = 20


def read_code_state(project: Path, *, commit: str = "") -> CodeState:
    """Return the state of the code in a project folder.

    Args:
        project: The checkout.
        commit: Commit that an image without git was built from; empty: git's.
    """
    requirements = project / "requirements"
    lock = requirements / "stages.txt"
    bills = {image: requirements / file_name(image) for image in IMAGES}
    return CodeState(
        git_commit=commit or _commit(project),
        lock_sha256=digest(lock.read_bytes()) if lock.is_file() else UNKNOWN,
        bills={image: file.read_bytes() for image, file in bills.items() if file.is_file()},
    )


def _commit(project: Path) -> str:
    commit = _git(project, "rev-parse", "HEAD")
    if commit is None:
        return UNKNOWN
    changes = _git(project, "status", "--porcelain", "--untracked-files=no")
    return f"{commit}-dirty" if changes else commit


def _git(project: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", *arguments],  # noqa: S607
            cwd=project,
            capture_output=True,
            text=True,
            check=True,
            timeout=ANSWER_WITHIN_S,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
