"""Targets, commands, files and headings in documents exist in this project."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*PROJECT.glob("*.md"), *(PROJECT / "docs").rglob("*.md")])
MAKE = re.compile(r"(?:^|`|\$ |&& )make ([a-z][\w-]*)", re.MULTILINE)
SLIPWAY = re.compile(r"(?:^|`|\$ |bin/)slipway ([a-z][\w-]*)", re.MULTILINE)
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)|(?:src|href)=\"([^\"]+)\"")
HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
MACHINE = re.compile(r"/(?:root|home/[a-z]+|work|Users|mnt|tmp)/[\w./-]+")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)

each_document = pytest.mark.parametrize(
    "document", DOCUMENTS, ids=lambda path: str(path.relative_to(PROJECT))
)


def targets() -> set[str]:
    """Targets of the Makefile."""
    return set(re.findall(r"^([a-z0-9]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))


def anchors(document: Path) -> set[str]:
    """Anchors of a document's headings, as code hosts make them."""
    headings = HEADING.findall(FENCE.sub("", document.read_text()))
    return {re.sub(r"[^\w\- ]", "", text.lower()).replace(" ", "-") for text in headings}


def is_broken(link: str, *, document: Path) -> bool:
    """Whether a link of a document has no target in this project."""
    if re.match(r"[a-z]+:", link):
        return False
    path, _, anchor = link.partition("#")
    target = (document.parent / path).resolve() if path else document
    return not target.exists() or bool(
        anchor and target.suffix == ".md" and anchor not in anchors(target)
    )


@each_document
def test_every_make_target_exists(document: Path) -> None:
    """Every `make` target of a document is in the Makefile."""
    assert set(MAKE.findall(document.read_text())) - targets() == set()


@each_document
def test_every_slipway_command_exists(document: Path) -> None:
    """Every `slipway` command of a document exists."""
    from slipway.cli.commands import commands

    assert set(SLIPWAY.findall(document.read_text())) - set(commands.commands) == set()


@each_document
def test_internal_links_resolve(document: Path) -> None:
    """Every link inside the project has an existing file and heading."""
    links = [a or b for a, b in LINK.findall(FENCE.sub("", document.read_text()))]
    assert [link for link in links if is_broken(link, document=document)] == []


@each_document
def test_no_path_of_a_machine(document: Path) -> None:
    """Documents have paths of the project, and none of a machine."""
    assert MACHINE.findall(document.read_text()) == []


def test_every_target_is_described() -> None:
    """`make help` lists every target."""
    makefile = (PROJECT / "Makefile").read_text()
    described = set(re.findall(r"^([a-z0-9]+):.*## \S", makefile, re.MULTILINE))
    assert described == targets()


@pytest.mark.parametrize("folder", ["a folder", ".", str(PROJECT), ""])
def test_an_environment_has_a_folder_of_its_own(folder: str) -> None:
    """`venv --clear` empties it: no part of a path and not the project is taken for it."""
    command = ["make", "--dry-run", "setup", f"VENV={folder}"]
    done = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "VENV has to be" in done.stderr
    assert "hint: " in done.stderr


@each_document
def test_kubectl_asks_for_routes_apart_from_what_every_cluster_has(document: Path) -> None:
    """Without the Gateway API a command that names them beside other kinds lists nothing."""
    asked = re.findall(r"kubectl get (\S*httproute\S*)", document.read_text())
    assert [kinds for kinds in asked if "," in kinds] == []
