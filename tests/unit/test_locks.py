"""Lock files: they fit pyproject.toml, agree with one another, and bind to no host."""

from __future__ import annotations

import re
import runpy
import tomllib
from collections.abc import Iterator
from itertools import chain
from pathlib import Path

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

PROJECT = Path(__file__).resolve().parents[2]
PYPROJECT = (PROJECT / "pyproject.toml").read_text()
LOCK = runpy.run_path(str(PROJECT / "requirements" / "lock.py"))
NAMES = list(LOCK["LOCKS"])
PEERS = list(LOCK["PEERS"])
PIN = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>[^\s;\\]+)")
MACHINE = re.compile(r"https?:|file:|--index|--find-links|--extra-index|(^|\s)/\w")


def lock_text(name: str) -> str:
    """One lock file."""
    return (PROJECT / "requirements" / f"{name}.txt").read_text()


def pins(name: str) -> dict[str, set[str]]:
    """Pinned versions by package; more than one where platforms differ."""
    found: dict[str, set[str]] = {}
    for line in lock_text(name).splitlines():
        if pin := PIN.match(line):
            found.setdefault(canonicalize_name(pin["name"]), set()).add(pin["version"])
    return found


def asked_for(name: str) -> Iterator[Requirement]:
    """Requirements of pyproject.toml for the machine of a lock file."""
    tables = tomllib.loads(PYPROJECT)
    extras, groups = tables["project"]["optional-dependencies"], tables["dependency-groups"]
    own = tables["project"]["dependencies"]
    if name == "dev":
        return map(Requirement, [*own, *chain(*extras.values()), *chain(*groups.values())])
    return map(Requirement, groups[name] if name in groups else [*own, *extras[name]])


@pytest.mark.parametrize("name", NAMES)
def test_lock_was_made_from_these_dependency_tables(name: str) -> None:
    """A lock file's header has the digest of the current dependency tables."""
    header = LOCK["header_command"](PYPROJECT)
    assert header in lock_text(name), "stale: run `make lock`"


@pytest.mark.parametrize("name", NAMES)
def test_lock_satisfies_pyproject(name: str) -> None:
    """Every requirement of a machine is pinned to an allowed version."""
    locked = pins(name)
    for requirement in asked_for(name):
        if requirement.marker and not requirement.marker.evaluate(dict(default_environment())):
            continue
        versions = locked.get(canonicalize_name(requirement.name), set())
        assert versions, f"{requirement} is not in requirements/{name}.txt"
        assert all(requirement.specifier.contains(v, prereleases=True) for v in versions)


@pytest.mark.parametrize("name", [n for n in NAMES if n != "dev"])
def test_lock_agrees_with_dev(name: str) -> None:
    """Tests and machines have the same versions."""
    dev = pins("dev")
    assert {package: dev.get(package) for package in pins(name)} == pins(name)


@pytest.mark.parametrize("name", [*NAMES, *PEERS, "clients"])
def test_every_interpreter_has_the_same_versions(name: str) -> None:
    """A model meets the same versions on every interpreter."""
    assert {package: found for package, found in pins(name).items() if len(found) > 1} == {}


def test_only_the_locks_pin() -> None:
    """The wheel states ranges, so that it installs beside an Airflow without moving it."""
    tables = tomllib.loads(PYPROJECT)
    extras = tables["project"]["optional-dependencies"]
    for requirement in map(
        Requirement, [*tables["project"]["dependencies"], *chain(*extras.values())]
    ):
        assert {one.operator for one in requirement.specifier} <= {">=", "<"}, requirement


def test_interpreters_are_the_same_everywhere() -> None:
    """The Makefile, the classifiers and the locks name the ones that requires-python allows."""
    project = tomllib.loads(PYPROJECT)["project"]
    allowed = SpecifierSet(project["requires-python"])
    named = [f"3.{minor}" for minor in range(20) if f"3.{minor}" in allowed]
    makefile = (PROJECT / "Makefile").read_text()
    assert f"VERSIONS := {' '.join(named)}\n" in makefile
    classified = [one.rpartition(" ")[2] for one in project["classifiers"] if ":: 3." in one]
    assert classified == named
    options = LOCK["COMPILE"]
    assert options[options.index("--python-version") + 1] == named[0]
    assert tomllib.loads(PYPROJECT)["tool"]["mypy"]["python_version"] == named[0]


@pytest.mark.parametrize("name", PEERS)
def test_a_peer_hosts_the_model_with_the_libraries_of_our_servers(name: str) -> None:
    """The peer of a benchmark serves the model with the servers' releases."""
    peer, ours = pins(name), pins("server")
    assert {library: peer[library] for library in LOCK["HOSTED"]} == {
        library: ours[library] for library in LOCK["HOSTED"]
    }


@pytest.mark.parametrize("name", [*NAMES, *PEERS])
def test_every_pin_has_a_hash(name: str) -> None:
    """No package can be replaced by another of the same version."""
    entries = re.split(r"\n(?=\S)", lock_text(name))
    pinned = [entry for entry in entries if PIN.match(entry)]
    assert pinned
    assert all("--hash=sha256:" in entry for entry in pinned)


@pytest.mark.parametrize("name", [*NAMES, *PEERS])
def test_lock_names_no_host_and_no_folder(name: str) -> None:
    """A lock file has no address and no local path."""
    assert MACHINE.findall(lock_text(name)) == []
