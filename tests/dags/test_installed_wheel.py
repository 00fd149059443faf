"""A project of a person's own under an Airflow that has the wheel, without the checkout."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.dags.specs import dataset_file, model_file
from tests.support.installed_wheel import wheel_environment

PARSE = """
import json, sys
from airflow.dag_processing.dagbag import DagBag
import slipway
bag = DagBag(sys.argv[1])
errors = {name: str(text) for name, text in bag.import_errors.items()}
print(json.dumps({"from": slipway.__file__, "dags": sorted(bag.dags), "errors": errors}))
"""


def run(*command: str, env: Mapping[str, str], folder: Path) -> str:
    """Standard output of a command in a folder."""
    done = subprocess.run(
        [sys.executable, *command],
        cwd=folder,
        env=env,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """Environment of processes that import the package from the wheel's files."""
    return wheel_environment(tmp_path_factory.mktemp("wheel"))


def parsed(project: Path, env: Mapping[str, str]) -> dict[str, Any]:
    """What Airflow finds in a project's DAG folder, from a folder that is not the project."""
    text = run("-c", PARSE, str(project / "dags"), env=env, folder=Path("/"))
    found: dict[str, Any] = json.loads(text.splitlines()[-1])
    return found


def test_a_project_of_the_wheel_has_its_dags_in_airflow(
    installed: dict[str, str], tmp_path: Path
) -> None:
    """The wheel holds the template; DAG files find the specs above them, wherever Airflow runs."""
    project = tmp_path / "ferries"
    run("-m", "slipway.cli", "init", str(project), env=installed, folder=tmp_path)
    assert "no model yet" in run("-m", "slipway.cli", "check", env=installed, folder=project)
    empty = parsed(project, installed)
    assert (empty["dags"], empty["errors"]) == ([], {})
    assert empty["from"].startswith(installed["PYTHONPATH"])

    for name, text in {**dataset_file("flights"), **model_file("delay")}.items():
        file = project / "include" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    assert "fine" in run("-m", "slipway.cli", "check", env=installed, folder=project / "dags")
    assert parsed(project, installed) == {
        "from": empty["from"],
        "dags": ["delay__deploy", "delay__monitor", "delay__train", "flights__ingest"],
        "errors": {},
    }

    (project / "include" / "models" / "delay" / "model.yaml").write_text("model: delay\n")
    broken = parsed(project, installed)
    assert broken["dags"] == ["flights__ingest"]
    [error] = broken["errors"].values()
    assert "model.yaml" in error
