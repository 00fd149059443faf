"""`slipway init`: a project of a person's own, that overwrites nothing and passes the check."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner

from slipway import __version__
from slipway.cli.commands import commands
from slipway.local.new_project import TEMPLATE, make_project, project_files
from slipway.settings import CHECKOUT, Settings, find_project

FILES = dict(project_files("ferries"))


@pytest.fixture
def ferries(tmp_path: Path) -> Path:
    """A new project."""
    folder = tmp_path / "My Ferries"
    make_project(folder)
    return folder


def test_a_new_project_has_every_file_of_the_template(ferries: Path) -> None:
    """Hidden ones and folders for specs among them."""
    found = {str(one.relative_to(ferries)) for one in ferries.rglob("*") if one.is_file()}
    assert found == set(FILES)
    assert {".gitignore", "dags/model_dags.py", "include/datasets/README.md"} <= found
    assert "@" not in (ferries / "requirements.txt").read_text()


def test_the_installed_package_is_pinned_by_its_version(ferries: Path) -> None:
    """With Airflow, stages and servers; the name is one that `pip` accepts."""
    project = tomllib.loads((ferries / "pyproject.toml").read_text())["project"]
    extras = tomllib.loads((CHECKOUT / "pyproject.toml").read_text())["project"]
    [needed] = project["dependencies"]
    name, _, version = needed.partition("==")
    assert version == __version__ == extras["version"]
    asked = name.removeprefix("slipway-airflow[").removesuffix("]").split(",")
    assert set(asked) <= set(extras["optional-dependencies"])
    assert project["name"] == "my-ferries"


def test_nothing_is_overwritten(ferries: Path) -> None:
    """A file that differs is named and stays; one that is missing is written again."""
    readme, settings = ferries / "README.md", ferries / "airflow_settings.yaml"
    readme.write_text("mine")
    settings.unlink()
    result = CliRunner().invoke(commands, ["init", str(ferries)], catch_exceptions=False)
    assert result.exit_code == 0
    assert f"kept    {readme}" in result.stdout
    assert f"made    {settings}" in result.stdout
    assert readme.read_text() == "mine"


def test_a_second_time_changes_nothing(ferries: Path) -> None:
    """And says so."""
    assert make_project(ferries).made == ()
    result = CliRunner().invoke(commands, ["init", str(ferries)], catch_exceptions=False)
    assert "nothing was changed" in result.stdout


def test_the_next_step_changes_the_folder_only_where_it_has_to(
    ferries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project that was made here needs no `cd`."""
    monkeypatch.chdir(ferries)
    made = CliRunner().invoke(commands, ["init", "."], catch_exceptions=False)
    assert made.stdout.endswith("next: slipway new FILE\n")
    other = CliRunner().invoke(commands, ["init", "../other"], catch_exceptions=False)
    assert other.stdout.endswith("next: cd ../other && slipway new FILE\n")


def test_a_new_project_passes_the_check(ferries: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """From any folder inside it; that there is no model yet is said and is no failure."""
    monkeypatch.chdir(ferries / "include" / "models")
    result = CliRunner().invoke(commands, ["check"], catch_exceptions=False)
    assert result.exit_code == 0
    assert "there is no model yet" in result.stdout


def test_the_project_is_found_from_a_folder_upwards(
    ferries: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its store and scratch folder lie in it; a setting comes first."""
    monkeypatch.chdir(ferries / "dags")
    assert Settings().project == ferries
    assert Settings().store == str(ferries / ".slipway" / "store")
    assert Settings().scratch == ferries / ".slipway" / "scratch"
    monkeypatch.setenv("SLIPWAY_PROJECT", "/elsewhere")
    assert Settings().project == Path("/elsewhere")
    assert Settings().store == "/elsewhere/.slipway/store"


def test_outside_of_a_project_the_checkout_is_meant(tmp_path: Path) -> None:
    """As in an image, whose working directory holds nothing."""
    assert find_project(tmp_path) == CHECKOUT


def test_the_checkout_uses_the_dag_files_of_the_template() -> None:
    """So what a project gets is what the tests of DAGs parse."""
    for name in ("model_dags.py", "spec_errors.py"):
        text = FILES[f"dags/{name}"]
        assert text == (CHECKOUT / "dags" / name).read_text()
        # Airflow passes over files without both words.
        assert all(word in text.lower() for word in ("airflow", "dag"))


def test_connections_are_those_of_the_checkout() -> None:
    """Airflow's settings differ in a comment only."""
    theirs = yaml.safe_load(FILES["airflow_settings.yaml"])
    assert theirs == yaml.safe_load((CHECKOUT / "airflow_settings.yaml").read_text())


def test_actions_are_those_of_the_ci_templates() -> None:
    """Pinned to the same commits."""
    theirs = (TEMPLATE / "dot_github" / "workflows" / "models.yml").read_text()
    ours = (CHECKOUT / "docker" / "ci" / "github-models.yml").read_text()
    used = {line.strip() for line in theirs.splitlines() if "uses:" in line}
    assert used
    assert used <= {line.strip() for line in ours.splitlines()}


def test_the_readme_names_the_five_commands(ferries: Path) -> None:
    """In the order in which they are needed."""
    text = (ferries / "README.md").read_text()
    places = [text.index(f"slipway {one}") for one in ("new", "try", "up", "deliver", "why")]
    assert places == sorted(places)
