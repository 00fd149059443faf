"""DAGs made from specs: their ids, tasks and edges, and the effect of a broken spec."""

from __future__ import annotations

import os
import subprocess
import sys
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from airflow.sdk import DAG
from airflow.sdk.definitions.asset import Asset, BaseAsset
from airflow.serialization.serialized_objects import DagSerialization

from slipway.orchestration.retry_policy import StageRetryPolicy
from tests.dags.conftest import DAGS, Parse
from tests.dags.specs import CHAINS, FLEET, PODS, dag_ids, dataset_file, model_file, names

HEAVY = [
    *("boto3", "deltalake", "evidently", "great_expectations", "kubernetes", "matplotlib"),
    *("mlflow", "numpy", "pandas", "pyarrow", "scipy", "skops", "sklearn", "xgboost"),
]


def starters(dag: DAG) -> list[Asset]:
    """Assets that start a DAG."""
    condition: Any = dag.schedule.asset_condition  # type: ignore[union-attr]
    return [condition] if isinstance(condition, Asset) else list(condition.objects)


def started_by(dag: DAG) -> set[str]:
    """Names of the assets that start a DAG."""
    return {asset.name for asset in starters(dag)}


def outlets(dag: DAG) -> set[str]:
    """Names of the assets that a DAG's tasks emit."""
    return {
        asset.name for task in dag.tasks for asset in task.outlets if isinstance(asset, BaseAsset)
    }


def test_each_spec_has_its_dags(parse: Parse) -> None:
    """One per dataset, three per model, and no other."""
    bag = parse(FLEET)
    assert bag.import_errors == {}
    assert set(bag.dags) == dag_ids()


def test_tasks_stand_in_the_order_of_the_ring(parse: Parse) -> None:
    """The tasks form a chain, in which drift and performance are parallel."""
    for dag_id, dag in parse(FLEET).dags.items():
        chain = CHAINS[dag_id.rpartition("__")[2]]
        for one, following in pairwise(chain):
            assert following in dag.get_task(one).downstream_task_ids, dag_id
        arms = {name.replace("drift", "performance") for name in chain}
        assert set(dag.task_ids) == set(chain) | arms
        assert dag.roots == [dag.get_task(chain[0])]
        assert dag.leaves == [dag.get_task(chain[-1])]


def test_a_training_may_search_as_long_as_its_spec_says(parse: Parse) -> None:
    """Its fit has time beside it, in a pod as well."""
    more = "search: {space: {C: {low: 0.1, high: 1}}, minutes: 600}\n"
    for runtime in ("", PODS):
        dag = parse({**dataset_file(), **model_file(more=more + runtime)}).dags["delay__train"]
        train = dag.get_task("train")
        assert train.execution_timeout > timedelta(minutes=600)
        if runtime:
            assert train.active_deadline_seconds > 600 * 60


def test_a_refit_follows_the_gate_of_a_model_that_ships_one(parse: Parse) -> None:
    """Between gate and promotion, and told on the DAG's page; no other model has the task."""
    files = {**FLEET, **model_file("delay", more="training: {ship: refit}\n")}
    dags = parse(files).dags
    shipping, others = dags["delay__train"], dags["seats__train"]
    assert shipping.get_task("gate").downstream_task_ids == {"refit"}
    assert shipping.get_task("refit").downstream_task_ids == {"promote_challenger"}
    assert "refuses what is not" in str(shipping.doc_md)
    assert "refit" not in {*others.task_ids, *str(others.doc_md).split()}


@pytest.mark.parametrize(
    ("deployment", "steps"),
    [
        ("{}", [10, 50]),
        ("{shift: {steps: [1, 5, 25], requests: 500}}", [1, 5, 25]),
        ("{shift: {steps: []}}", []),
        ("batch", []),
    ],
)
def test_each_step_of_a_rollout_is_a_task(parse: Parse, deployment: str, steps: list[int]) -> None:
    """One per step of the spec; a batch model has none."""
    more = f"deployment: {deployment}\n"
    dag = parse({**dataset_file(), **model_file(more=more)}).dags["delay__deploy"]
    names = ["reconcile", "verify", *(f"shift_{step}" for step in steps), "switch"]
    for one, following in pairwise(names):
        assert dag.get_task(one).downstream_task_ids == {following}
    assert [dag.get_task(f"shift_{step}").inputs["step"] for step in steps] == steps
    assert len(dag.tasks) == len(names) + 1


def test_a_step_may_wait_as_long_as_its_spec_says(parse: Parse) -> None:
    """Airflow's time-out is later than the stage's own limit, in a pod as well."""
    more = "deployment: {shift: {limit_minutes: 600.0}}\n"
    for runtime in ("", PODS):
        dag = parse({**dataset_file(), **model_file(more=more + runtime)}).dags["delay__deploy"]
        step = dag.get_task("shift_10")
        assert step.execution_timeout > timedelta(minutes=600)
        assert step.execution_timeout > dag.get_task("verify").execution_timeout
        if runtime:
            assert step.active_deadline_seconds > 600 * 60


def test_handing_on_draws_no_edges(parse: Parse) -> None:
    """A request's number is passed to every stage, and the graph is still a chain."""
    dags = parse(FLEET).dags
    assert dags["delay__train"].get_task("accept").downstream_task_ids == {"snapshot", "answer"}
    assert dags["delay__deploy"].get_task("reconcile").downstream_task_ids == {"verify"}


def test_assets_join_the_dags_into_a_ring(parse: Parse) -> None:
    """One DAG's outlet starts the next DAG."""
    dags = parse(FLEET).dags
    for name in names("dataset"):
        assert started_by(dags[f"{name}__ingest"]) == {f"{name}_landing"}
        assert outlets(dags[f"{name}__ingest"]) == {f"{name}_batch"}
    for name, dataset in zip(names("model"), ("flights", "ferries"), strict=True):
        train, deploy, monitor = (
            dags[f"{name}__{activity}"] for activity in ("train", "deploy", "monitor")
        )
        assert started_by(train) == {f"{dataset}_batch", f"{name}_retrain_request"}
        assert outlets(train) == started_by(deploy) == {f"{name}_challenger"}
        assert started_by(monitor) == {f"{dataset}_batch"}
        assert outlets(monitor) == {f"{name}_retrain_request"}


def test_each_dag_runs_alone_and_sweeps(parse: Parse) -> None:
    """No start date and no catch-up: a first start runs no past ticks.

    A rollback must not queue behind a rollout: their lease excludes one another.
    """
    for name, dag in parse(FLEET).dags.items():
        assert (dag.max_active_runs > 1) == name.endswith("__deploy")
        assert dag.catchup is False
        assert dag.start_date is None
        assert dag.schedule.timetable is not None  # type: ignore[union-attr]


def test_each_task_knows_when_a_retry_helps(parse: Parse) -> None:
    """All tasks have the same retry policy and a time-out."""
    for dag in parse({**FLEET, **model_file("piers", more=PODS)}).dags.values():
        for task in dag.tasks:
            assert isinstance(task.retry_policy, StageRetryPolicy), task
            assert task.retries == 4
            assert task.execution_timeout is not None


def test_what_must_happen_happens_whatever_failed(parse: Parse) -> None:
    """Acknowledge and answer are teardowns: they run after failures and do not hide them."""
    dags = parse(FLEET).dags
    for dag_id, setup, teardown in (
        ("flights__ingest", "claim", "acknowledge"),
        ("delay__train", "accept", "answer"),
    ):
        dag = dags[dag_id]
        assert dag.get_task(setup).is_setup
        assert dag.get_task(teardown).is_teardown
        assert dag.get_task(teardown).trigger_rule == "all_done_setup_success"
        assert not dag.get_task(teardown).on_failure_fail_dagrun


def test_deliveries_are_ingested_one_at_a_time(parse: Parse) -> None:
    """Batches enter the tables in order; each task is named by its delivery."""
    ingest = parse(FLEET).dags["flights__ingest"].get_task("ingest")
    assert ingest.max_active_tis_per_dagrun == 1
    template = "{{ task.inputs['stream'] }}/{{ task.inputs['batch'] }}"
    assert ingest.partial_kwargs["map_index_template"] == template


def test_people_find_their_way_in_the_ui(parse: Parse) -> None:
    """Each DAG has an owner, tags, and a page with the ring."""
    dag = parse(FLEET).dags["delay__train"]
    assert dag.owner == "data-team"
    assert dag.tags == {"slipway", "delay", "flights", "train"}
    assert dag.doc_md is not None
    assert "include/models/delay/model.yaml" in dag.doc_md
    assert "flights__ingest" in dag.doc_md


def test_every_dag_can_be_stored_by_airflow(parse: Parse) -> None:
    """Serialisation works, with mapped pods and retry policies."""
    for dag in parse({**FLEET, **model_file("piers", more=PODS)}).dags.values():
        stored = DagSerialization.to_dict(dag)
        assert set(DagSerialization.from_dict(stored).task_ids) == set(dag.task_ids)


def test_an_asset_is_declared_in_one_way(parse: Parse) -> None:
    """Equal declarations keep Airflow from re-creating the trigger at every parse."""
    seen: dict[str, Asset] = {}
    for dag in parse({**FLEET, **model_file("gates")}).dags.values():
        for asset in starters(dag) + [one for task in dag.tasks for one in task.outlets]:
            assert seen.setdefault(asset.name, asset) == asset
    watched = {name for name, asset in seen.items() if asset.watchers}
    assert watched == {"flights_landing", "ferries_landing"}


@pytest.mark.parametrize("dag_id", sorted(dag_ids()))
def test_a_starting_task_builds_its_own_dag_only(parse: Parse, dag_id: str) -> None:
    """The start of a task takes the same time however many models there are."""
    bag = parse(FLEET, file="model_dags.py", starting=dag_id)
    assert set(bag.dags) == {dag_id}


def test_a_starting_task_reads_its_own_spec_only(parse: Parse) -> None:
    """Another model's folder may be unreadable at that moment."""
    broken = {"models/seats/model.yaml": "\x00", "datasets/ferries/dataset.yaml": "\x00"}
    bag = parse({**FLEET, **broken}, file="model_dags.py", starting="delay__train")
    assert (set(bag.dags), bag.import_errors) == ({"delay__train"}, {})


def test_parsing_imports_nothing_heavy(tmp_path: Path) -> None:
    """Each parse and each task start would pay for it, in seconds."""
    for path, text in FLEET.items():
        (tmp_path / "include" / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "include" / path).write_text(text)
    code = (
        "import runpy, sys\n"
        f"dags = runpy.run_path({str(DAGS / 'model_dags.py')!r})\n"
        f"runpy.run_path({str(DAGS / 'spec_errors.py')!r})\n"
        "assert 'delay__train' in dags\n"
        f"print([name for name in {HEAVY!r} if name in sys.modules])\n"
    )
    environment = {**os.environ, "SLIPWAY_PROJECT": str(tmp_path)}
    parsed = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True
    )
    assert parsed.stdout.splitlines()[-1] == "[]"
