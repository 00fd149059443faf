"""DAG files parsed as Airflow parses them, and an Airflow database where a run needs one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from slipway.records.store import Store

# Airflow reads its home when it is imported, and this file is imported before that is set.
if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

DAGS = Path(__file__).parents[2] / "dags"

Parse = Callable[..., Any]


@pytest.fixture
def parse(
    project: Callable[[Mapping[str, str]], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Parse:
    """Parses the repository's DAG files over a project of the given spec files."""
    from airflow.dag_processing.dagbag import DagBag

    def parse_files(files: Mapping[str, str], *, file: str = "", starting: str = "") -> DagBag:
        monkeypatch.setenv("SLIPWAY_PROJECT", str(project(files)))
        monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
        if starting:
            monkeypatch.setenv("_AIRFLOW_PARSING_CONTEXT_DAG_ID", starting)
        return DagBag(DAGS / file)

    return parse_files


@pytest.fixture(scope="session")
def airflow_database() -> None:
    """Airflow's own tables, in the test process's home."""
    subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"], check=True, capture_output=True
    )


@pytest.fixture
def harbour(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that tasks and pods share, in a task that finds no connections in Airflow."""
    from slipway.adapters.object_store import open_store
    from slipway.orchestration import stage_task

    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(stage_task, "fill_environment", lambda: None)
    return open_store(str(tmp_path / "store"))
