"""Airflow's machines need only their own lock file where stages run in pods."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from slipway.adapters.object_store import open_store
from slipway.records.arrivals import waiting
from slipway.records.idempotent_stage import perform
from slipway.records.landing_area import list_deliveries
from slipway.records.outcomes import keep_outcome
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from tests.dags.specs import PODS, dataset_file, model_file

ROOT = Path(__file__).parents[2]
BATCH = "deployment: batch\n"
FILES = {
    **dataset_file("flights", more=PODS),
    **model_file("delay", more=PODS),
    **model_file("tides", more=BATCH + PODS),
}

IMPORTS_HIDE = """
for name in ("pandas", "sklearn", "pyarrow", "deltalake", "great_expectations", "xgboost"):
    assert name in finder.hidden, name
assert not finder.hidden & {"airflow", "kubernetes", "obstore", "pydantic", "yaml"}
"""

PARSE = """
import runpy
dags = runpy.run_path("dags/model_dags.py")
runpy.run_path("dags/spec_errors.py")
from slipway.orchestration.pods.operator import StagePod
from airflow.sdk import DAG
for dag in [one for one in dags.values() if isinstance(one, DAG)]:
    kinds = {getattr(task, "operator_class", type(task)) for task in dag.tasks}
    assert StagePod in kinds or dag.dag_id == "slipway__reaper", dag.dag_id
    print(dag.dag_id)
"""

CLAIM = """
from slipway import wiring
claimed = wiring.claim(dataset="flights")
print([one["batch"] for one in claimed["deliveries"]])
print(wiring.acknowledge(dataset="flights", fingerprint=claimed["fingerprint"]))
"""

READ = """
import runpy
from tests.fakes.airflow import FakeInstance, FakeRun, task_context
from slipway.orchestration import task_setup
task_setup.fill_environment = lambda: None
dag = runpy.run_path("dags/model_dags.py")["delay__train"]
for name, inputs in {"gate": {"model": "delay", "request": "3"}, "accept": {}}.items():
    task, instance = dag.get_task(name), FakeInstance(task_id=name)
    by_hand = dict.fromkeys(("reason", "without_champion", "approve", "reject"), "")
    task.inputs = {**task.inputs, **inputs, **by_hand}
    task.execute(task_context(dag, run=FakeRun("sweep", "scheduled"), instance=instance))
    print("read:", instance.pushed["return_value"]["action"])
"""


@pytest.fixture
def thin(project: Callable[[Mapping[str, str]], Path], tmp_path: Path) -> Callable[[str], str]:
    """A function that runs Python with the packages of one lock file, on a project in pods."""
    environment = {
        **os.environ,
        "SLIPWAY_PROJECT": str(project(FILES)),
        "SLIPWAY_STORE": str(tmp_path / "store"),
        "PYTHONPATH": os.pathsep.join((str(ROOT), str(ROOT / "include"))),
    }

    def run(work: str) -> str:
        done = subprocess.run(
            [sys.executable, "-m", "tests.dags.thin_airflow", "requirements/airflow.txt"],
            input=IMPORTS_HIDE + work,
            capture_output=True,
            text=True,
            env=environment,
            cwd=ROOT,
            check=False,
        )
        assert done.returncode == 0, done.stderr[-3000:]
        return done.stdout

    return run


def test_the_dags_of_a_project_in_pods_are_parsed(thin: Callable[[str], str]) -> None:
    """Every DAG of its dataset and models, and the reaper."""
    assert set(thin(PARSE).split()) == {
        "flights__ingest",
        *(f"{name}__{what}" for name in ("delay", "tides") for what in ("train", "deploy")),
        *(f"{name}__monitor" for name in ("delay", "tides")),
        "tides__score",
        "slipway__reaper",
    }


def test_deliveries_are_claimed_and_acknowledged(
    thin: Callable[[str], str], tmp_path: Path
) -> None:
    """These tasks read names and registers, and no data."""
    store = open_store(str(tmp_path / "store"))
    key = "landing/flights/features/2013-05.csv"
    store.write(key, b"id,at,distance\n")
    os.utime(tmp_path / "store" / key, (0, 0))
    assert thin(CLAIM).splitlines() == ["['2013-05']", "False"]
    assert [one.batch for one in waiting(store, "flights", list_deliveries(store, "flights"))] == [
        "2013-05"
    ]


def test_a_pods_task_reads_what_its_pod_left(thin: Callable[[str], str], tmp_path: Path) -> None:
    """The task reads a record and an outcome with the store's adapter alone."""
    store = open_store(str(tmp_path / "store"))
    ref = RunRef("delay", "request-000003", "gate")
    perform(RunContext(store, {}), ref, lambda _: Verdict("passed", "good"), inputs={})
    accepted = Verdict("accept", "good", {"request": 3})
    keep_outcome(store, "outcomes/delay__train/sweep/accept/try-1.json", accepted)
    lines = [line for line in thin(READ).splitlines() if line.startswith("read:")]
    assert lines == ["read: passed", "read: accept"]
