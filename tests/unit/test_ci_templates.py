"""CI templates: they name existing commands and files, hold no key, and have few rights."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from slipway.cli.commands import commands as slipway_commands
from tests.support.kustomize import kustomize

PROJECT = Path(__file__).resolve().parents[2]
FOLDER = PROJECT / "docker" / "ci"
GITHUB = sorted(FOLDER.glob("github-*.yml"))
GITLAB = FOLDER / "gitlab-ci.yml"
DIGEST = "sha256:" + "ab" * 32
RESERVED = {"stages", "workflow", "default"}
RENOVATE = FOLDER / "renovate.json"
# In place of the real programs: the fake docker only records its arguments.
DOCKER = f"""#!/usr/bin/env bash
echo "$*" >> "$NOTES"
case "$*" in
    "buildx imagetools inspect"*) [[ -e "$NOTES.pushed.${{4//\\//_}}" ]] && echo {DIGEST} ;;
    *) while [[ $1 != --tag ]]; do shift; done; touch "$NOTES.pushed.${{2//\\//_}}" ;;
esac
"""

each_workflow = pytest.mark.parametrize("file", GITHUB, ids=lambda file: file.name)
each_template = pytest.mark.parametrize("file", [*GITHUB, GITLAB], ids=lambda file: file.name)


def parsed(file: Path) -> dict[str, Any]:
    """A template's content."""
    return yaml.safe_load(file.read_text())


def jobs(file: Path) -> dict[str, dict[str, Any]]:
    """A template's jobs."""
    content = parsed(file)
    if file != GITLAB:
        return content["jobs"]
    return {name: job for name, job in content.items() if name not in RESERVED}


def commands(file: Path) -> Iterator[str]:
    """Every command of a template."""
    for job in jobs(file).values():
        yield from [step["run"] for step in job.get("steps", []) if "run" in step]
        yield from [*job.get("before_script", []), *job.get("script", [])]


@each_template
def test_every_make_target_exists(file: Path) -> None:
    """Every target of a job is in the Makefile."""
    targets = set(re.findall(r"^([a-z]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    made = [command.split()[1] for command in commands(file) if command.startswith("make ")]
    assert made
    assert set(made) <= targets


@each_template
def test_every_slipway_command_and_option_exists(file: Path) -> None:
    """`slipway` accepts every command and option of a job."""
    for command in commands(file):
        if not command.startswith(".venv/bin/slipway "):
            continue
        words = shlex.split(command)
        known = slipway_commands.commands[words[1]]
        options = {option for one in known.params for option in one.opts}
        assert {word for word in words if word.startswith("--")} <= options


@each_template
def test_every_file_that_is_named_exists(file: Path) -> None:
    """A script that a job runs exists and is executable."""
    for command in commands(file):
        if command.startswith("docker/"):
            assert os.access(PROJECT / command.split()[0], os.X_OK)


@each_template
def test_what_is_waited_for_is_laid_out(file: Path) -> None:
    """Deployments whose rollout a job waits for are in the overlays."""
    laid_out = "\n".join(one.read_text() for one in (PROJECT / "docker/kubernetes").rglob("*.yaml"))
    for command in commands(file):
        for name in re.findall(r"deployment/(\S+)", command):
            assert f"name: {name}\n" in laid_out


@each_template
def test_no_template_holds_a_secret(file: Path) -> None:
    """Neither a key nor the name of one; jobs authenticate by their ID tokens."""
    text = file.read_text()
    assert "secrets." not in text
    assert not re.search(r"AKIA|ACCESS_KEY|PASSWORD|PRIVATE|_SECRET", text)
    assert re.search(r"id-token: write|id_tokens:", text)


@each_workflow
def test_a_workflow_may_do_nothing_by_default(file: Path) -> None:
    """The workflow's permissions are empty, and each job lists the few that it needs."""
    assert parsed(file)["permissions"] == {}
    for job in jobs(file).values():
        allowed = job["permissions"]
        assert allowed["contents"] == "read"
        assert set(allowed) <= {"contents", "id-token"}
        assert ("id-token" in allowed) == ("environment" in job)
        assert job["timeout-minutes"] <= 90


@each_workflow
def test_actions_are_pinned_to_commits(file: Path) -> None:
    """Each action is named by its commit, with its release beside it."""
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    for one in used:
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", one)


def test_images_of_jobs_are_pinned_by_digest() -> None:
    """GitLab pulls an image by its digest, or one that a variable of the environment names."""
    default = parsed(GITLAB)["default"]["image"]
    used = [default, *(job["image"] for job in jobs(GITLAB).values() if "image" in job)]
    used += [one for job in jobs(GITLAB).values() for one in job.get("services", [])]
    assert len(used) == 3
    for one in used:
        assert (
            re.search(r":\d+\.\d+\.\d+[\w.-]*@sha256:[0-9a-f]{64}$", one) or one == "$DEPLOY_IMAGE"
        )


def test_the_token_of_a_job_ends_with_it(tmp_path: Path) -> None:
    """It is in a file of its user, in no folder that a runner keeps, and gone after a failure."""
    project = tmp_path / "builds" / "group" / "project"
    temporary = tmp_path / "tmp"
    for folder in (project, temporary):
        folder.mkdir(parents=True)
    before = parsed(GITLAB)[".let-in"]["before_script"]
    shown = ['stat -c %a "$AWS_WEB_IDENTITY_TOKEN_FILE"', 'cat "$AWS_WEB_IDENTITY_TOKEN_FILE"']
    environ = {"PATH": os.environ["PATH"], "TMPDIR": str(temporary), "AWS_TOKEN": "an-id-token"}
    environ |= {"CI_PROJECT_DIR": str(project), "ROLE": "r", "CI_JOB_ID": "1", "REGION": "eu"}
    done = subprocess.run(
        ["/bin/bash", "-ec", "\n".join([*before, *shown, "false"])],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 1, done.stderr
    assert done.stdout == "600\nan-id-token"
    assert [one for one in tmp_path.rglob("*") if one.is_file()] == []


@each_workflow
def test_checkouts_leave_no_credentials(file: Path) -> None:
    """Later steps cannot push with the token of the checkout."""
    for job in jobs(file).values():
        for step in job["steps"]:
            if "checkout" in step.get("uses", ""):
                assert step["with"]["persist-credentials"] is False


@each_template
def test_what_a_person_types_is_no_script(file: Path) -> None:
    """No expression of user input is inserted into a command."""
    assert [command for command in commands(file) if "${{" in command] == []


def test_digests_are_renewed_by_an_update_tool() -> None:
    """Renovate pins digests, and reads every kind of file that names an image."""
    config = json.loads(RENOVATE.read_text())
    assert {"docker:pinDigests", "helpers:pinGitHubActionDigests"} <= set(config["extends"])
    patterns = [one.strip("/") for one in config["kubernetes"]["managerFilePatterns"]]
    images = re.compile(r"^\s+(- )?image: (?!slipway-)\S+:\S+", re.MULTILINE)
    for file in (PROJECT / "docker" / "kubernetes").rglob("*.yaml"):
        if images.search(file.read_text()):
            path = str(file.relative_to(PROJECT))
            assert any(re.search(pattern, path) for pattern in patterns), path


def test_only_the_default_branch_reaches_an_environment() -> None:
    """A pull request builds and tests, and touches neither registry nor cluster."""
    github = jobs(FOLDER / "github-models.yml")
    assert {name for name, job in github.items() if "environment" in job} == {"staging"}
    assert github["staging"]["if"] == "github.event_name == 'push'"
    assert set(github["staging"]["needs"]) == {"check", "test", "audit"}
    for job in jobs(GITLAB).values():
        if "environment" in job:
            assert job["rules"][0]["if"] == "$CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH"


def test_publishing_pins_specs_and_overlay_to_digests(tmp_path: Path) -> None:
    """Images are pushed once; specs name them by digest before they are copied into two others."""
    project = a_project(tmp_path)
    notes = publish(project)
    spec = (project / "include" / "models" / "a" / "model.yaml").read_text()
    assert f"image: registry.example.org/team/slipway-stages@{DIGEST}\n" in spec
    assert f"image: registry.example.org/team/slipway-server@{DIGEST}\n" in spec
    built = re.findall(r"buildx build .*--tag \S+/slipway-(\w+):abc123", notes)
    assert built == ["server", "shipper", "mlflow", "stages", "airflow"]
    assert "latest" not in notes


def test_publishing_again_builds_nothing(tmp_path: Path) -> None:
    """A tag that the registry has is left alone, and pinned to what it has."""
    project = a_project(tmp_path)
    publish(project)
    (project / "notes").unlink()
    assert "buildx build" not in publish(project)


def test_what_was_published_can_be_applied(tmp_path: Path) -> None:
    """The release renders the overlay with digests in place of tags."""
    command = kustomize()
    if command is None:
        pytest.skip("no kubectl with Kustomize 5 here: the release is not rendered")
    project = a_project(tmp_path)
    publish(project)
    done = subprocess.run(
        [*command, str(project / "build" / "release")],
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    images = set(re.findall(r"image: (\S+)", done.stdout))
    assert images == {
        f"registry.example.org/team/slipway-{name}@{DIGEST}" for name in ("airflow", "mlflow")
    }


def a_project(tmp_path: Path) -> Path:
    """A copy of all files that publishing changes, with a model that names images by tag."""
    for folder in ("docker/ci", "docker/kubernetes"):
        shutil.copytree(PROJECT / folder, tmp_path / folder)
    spec = tmp_path / "include" / "models" / "a" / "model.yaml"
    spec.parent.mkdir(parents=True)
    (tmp_path / "include" / "datasets").mkdir()
    spec.write_text(
        "pods:\n  image: registry.example.org/team/slipway-stages:0.1.0\n"
        f"kubernetes:\n  image: registry.example.org/team/slipway-server@{DIGEST[:-1]}0\n"
    )
    double = tmp_path / "bin" / "docker"
    double.parent.mkdir()
    double.write_text(DOCKER)
    double.chmod(0o755)
    (tmp_path / "bin" / "git").write_text(f"#!/bin/sh\necho {json.dumps('c' * 40)}\n")
    (tmp_path / "bin" / "git").chmod(0o755)
    return tmp_path


def publish(project: Path) -> str:
    """Arguments of the fake docker."""
    environ = {"PATH": f"{project / 'bin'}:{os.environ['PATH']}", "NOTES": str(project / "notes")}
    done = subprocess.run(
        [project / "docker/ci/publish.sh", "registry.example.org/team", "abc123", "staging"],
        env=environ,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return (project / "notes").read_text()
