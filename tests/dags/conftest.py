"""Fixtures: DAG files parsed as Airflow does, Airflow's database, and a cluster double."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from slipway.records.store import Store

# Airflow reads its home at import, and this file is imported before the home is set.
if TYPE_CHECKING:
    from airflow.dag_processing.dagbag import DagBag

    from tests.kubernetes_double import Cluster

DAGS = Path(__file__).parents[2] / "dags"

Parse = Callable[..., Any]


@pytest.fixture
def parse(
    project: Callable[[Mapping[str, str]], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Parse:
    """A function that parses the repository's DAG files over a project of given spec files."""
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
def shared_store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    """The store that tasks and pods share; the task finds no connections in Airflow."""
    from slipway.adapters.object_store import open_store
    from slipway.orchestration import task_setup

    monkeypatch.setenv("SLIPWAY_STORE", str(tmp_path / "store"))
    monkeypatch.setattr(task_setup, "fill_environment", lambda: None)
    return open_store(str(tmp_path / "store"))


@pytest.fixture
def quick_retries(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let Airflow repeat a failed API request, five times, without long waits."""
    import tenacity
    from airflow.providers.cncf.kubernetes import kubernetes_helper_functions

    monkeypatch.setattr(kubernetes_helper_functions, "_default_wait", tenacity.wait_fixed(0.05))


@pytest.fixture
def cluster(
    shared_store: Store,
    project: Callable[[Mapping[str, str]], Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Cluster]:
    """A cluster double whose namespace holds Slipway's settings, and Airflow's connection to it."""
    from tests.dags.gate_pods import IMAGE, PROGRAMS
    from tests.dags.specs import PODS, dataset_file, model_file
    from tests.kubernetes_double import Cluster

    root = project({**dataset_file(), **model_file(more=PODS)})
    with Cluster(
        folder=tmp_path / "cluster",
        images={IMAGE, *PROGRAMS},
        namespace="slipway-stages",
    ) as started:
        started.programs.update(PROGRAMS)
        started.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "slipway-settings", "namespace": started.namespace},
                "data": {"SLIPWAY_PROJECT": str(root), "SLIPWAY_STORE": shared_store.root},
            }
        )
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", started.connection())
        yield started
