"""Paths of this project in documents and decision records exist."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path, PurePosixPath

import pytest

GIT = shutil.which("git") or "git"
PROJECT = Path(__file__).resolve().parents[2]
PACKAGE = PROJECT / "include" / "slipway"
FILES = frozenset(
    PurePosixPath(line)
    for line in subprocess.run(
        [GIT, "ls-files", "--cached", "--others", "--exclude-standard"],
        cwd=PROJECT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.splitlines()
    if (PROJECT / line).exists()
)
DOCUMENTS = sorted(str(file) for file in FILES if file.suffix == ".md")
TOP = {file.parts[0] for file in FILES if len(file.parts) > 1}
ROOMS = {path.name for path in PACKAGE.iterdir() if path.is_dir()}

QUOTED = re.compile(r"`([^`\s]+)`")
LINK = re.compile(r"\]\(([^)#\s]+)")
OWN_FILES = (".py", ".md", ".lua", ".Dockerfile")
USERS_OWN = {"pipeline.py", "sample.py", "airflow_local_settings.py", "model_card.md"}
"""Files that a reader, Airflow's own folder or a training's run holds."""


@pytest.mark.parametrize("document", DOCUMENTS)
def test_every_path_that_a_document_names_is_there(document: str) -> None:
    """Files and folders in backticks or links exist."""
    text = (PROJECT / document).read_text()
    folder = PurePosixPath(document).parent
    named = {name.strip("/").rstrip(":,.") for name in QUOTED.findall(text) if _is_ours(name)}
    linked = {name for name in LINK.findall(text) if "://" not in name}
    missing = sorted(name for name in named if not _exists(name, folder))
    missing += sorted(name for name in linked if not (PROJECT / folder / name).exists())
    assert not missing, f"{document} names what is not there: {', '.join(missing)}"


def test_a_wrong_path_is_noticed() -> None:
    """A missing path is found, whether it is a file or a folder."""
    for name in ("tests/unit/test_none.py", "serving/listening/", "nothing_here.py"):
        assert _is_ours(name)
        assert not _exists(name, PurePosixPath())


def _is_ours(name: str) -> bool:
    """Whether a quoted word is a path of this project, and not of a reader's or a store."""
    if re.search(r"[<>*…{}$:=]", name) or "://" in name or name.startswith(("/", ".", "~", "-")):
        return False
    path = PurePosixPath(name)
    if path.name in USERS_OWN:
        return False
    if name.endswith(OWN_FILES):
        return True
    return name.endswith("/") and path.parts[0] in TOP | ROOMS


def _exists(name: str, folder: PurePosixPath) -> bool:
    path = PurePosixPath(name)
    bases = (PROJECT, PROJECT / "include", PACKAGE, PROJECT / folder)
    if any((base / path).exists() for base in bases):
        return True
    return len(path.parts) == 1 and any(file.name == path.name for file in FILES)
