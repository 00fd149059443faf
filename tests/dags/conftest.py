"""DAG files parsed as Airflow parses them, and an Airflow database where a run needs one."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

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
