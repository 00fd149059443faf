"""The stage table: each row is a task, and a new row is one as soon as a DAG names it."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.orchestration import task_setup
from slipway.orchestration.stage_task import StageTask, stage_task
from slipway.orchestration.train_dag import train_dag
from slipway.records.verdicts import Verdict
from slipway.wiring.stage import Input, stage
from slipway.wiring.stage_call import StageCall
from slipway.wiring.stage_inputs import MODEL
from slipway.wiring.stage_table import STAGES
from tests.dags.conftest import Parse
from tests.dags.specs import PODS, dataset_file, model_file, model_spec
from tests.fakes.airflow import FakeInstance, task_context

MAPPED = {"ingest", "search", "drift", "performance", "kpis", "operations", "score"}

KPIS = "max_absolute_drop: 0.05}, kpis: [{name: rows, sql: SELECT count(*) FROM predictions}]"
WATCHED = f"{KPIS}, operations: {{}}"


@stage("tidy", required=(MODEL, Input("depth", "How deep.", bounds=(1, 9))))
def tidy(call: StageCall) -> Verdict:
    """Tidy up a model."""
    return Verdict("tidied", f"{call.inputs['model']} is tidy.", {"depth": call.inputs["depth"]})


def tasks_of_stages(parse: Parse) -> dict[str, Any]:
    """A task of each stage that a DAG runs, by the stage's name."""
    search = "search: {space: {C: {low: 0.1, high: 1}}, parallel_pods: 2}\n"
    more = f"deployment: batch\ntraining: {{ship: refit}}\n{search}"
    files = {**dataset_file(), **model_file(), **model_file("tides", more=more)}
    files = {
        # A model that scores in batches has no servers.
        path: text.replace("max_absolute_drop: 0.05}", KPIS if more in text else WATCHED)
        for path, text in files.items()
    }
    tasks = [task for dag in parse(files).dags.values() for task in dag.tasks]
    given = [(getattr(task, "partial_kwargs", vars(task)), task) for task in tasks]
    return {arguments["stage"]: task for arguments, task in given if "stage" in arguments}


def test_each_stage_is_a_task_with_its_inputs(parse: Parse) -> None:
    """A mapped task takes its inputs from the task before it."""
    tasks = tasks_of_stages(parse)
    assert set(tasks) == set(STAGES)
    assert {name for name, task in tasks.items() if task.is_mapped} == MAPPED
    for name in set(STAGES) - MAPPED:
        assert set(tasks[name].inputs) == {one.name for one in STAGES[name].inputs}, name


def test_a_new_stage_needs_one_row(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its task finds the function, its inputs, and whether it needs the cluster."""
    monkeypatch.setitem(STAGES, "tidy", tidy)
    monkeypatch.setattr(task_setup, "fill_environment", lambda: None)
    inputs = {"model": "delay", "depth": "3"}
    task = stage_task(model_spec(), "tidy", inputs=inputs, xcom_keys=["depth"])
    assert isinstance(task, StageTask)
    instance = FakeInstance()
    task.execute(task_context(train_dag(model_spec()), instance=instance))
    assert instance.pushed["depth"] == 3
    pod = stage_task(model_spec(more=PODS), "tidy", inputs=inputs)
    assert (pod.ref, pod.acts_on_cluster) == (None, False)
