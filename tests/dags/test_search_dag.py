"""A search that several pods share: its tasks, and real Airflow runs over faked stages."""

from __future__ import annotations

import sys
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import pytest

import slipway
from slipway.errors import NotComputable
from slipway.orchestration import build_dags
from slipway.orchestration.pods.operator import StagePod
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from tests.dags.conftest import DAGS, Parse
from tests.dags.specs import PODS, dataset_file, model_file, model_spec
from tests.fakes.wiring import FakeWiring

SEARCH = "search: {space: {C: {low: 0.1, high: 1}}, minutes: 600, parallel_pods: 3}\n"
ACCEPTED = Verdict("accept", "enough new labels", {"request": 3})


@pytest.fixture
def wiring(monkeypatch: pytest.MonkeyPatch) -> FakeWiring:
    """A fake of the stages, beneath the real DAGs."""
    assert build_dags
    fake = FakeWiring(verdicts={"accept": ACCEPTED})
    monkeypatch.setitem(sys.modules, "slipway.wiring", fake)
    monkeypatch.setattr(slipway, "wiring", fake, raising=False)
    monkeypatch.setattr("airflow.settings.DAGS_FOLDER", str(DAGS))
    return fake


def played(parse: Parse) -> tuple[str, Mapping[str, list[str]]]:
    """State of a run of the training DAG, and the states of its tasks' instances."""
    bag = parse({**dataset_file(), **model_file(more=SEARCH)}, file="model_dags.py")
    finished = bag.dags["delay__train"].test(run_conf={})
    states = defaultdict(list)
    for one in sorted(finished.get_task_instances(), key=lambda one: one.map_index):
        states[one.task_id].append(str(one.state))
    return str(finished.state), states


def test_workers_stand_between_snapshot_and_training(parse: Parse) -> None:
    """A mapped task has one instance a worker; a search of one pod has no such task."""
    dag = parse({**dataset_file(), **model_file(more=SEARCH)}).dags["delay__train"]
    assert dag.get_task("snapshot").downstream_task_ids == {"search", "train"}
    assert dag.get_task("search").downstream_task_ids == {"train"}
    assert dag.get_task("train").downstream_task_ids == {"evaluate"}
    assert "the workers of **search** share the trials" in str(dag.doc_md)
    alone = SEARCH.replace(", parallel_pods: 3", "")
    dag = parse({**dataset_file(), **model_file(more=alone)}).dags["delay__train"]
    assert "search" not in dag.task_ids
    assert "**search**" not in str(dag.doc_md)


def test_a_worker_has_the_time_of_the_search_in_its_pod(parse: Parse) -> None:
    """Deadline and time-out are beyond the budget."""
    more = SEARCH + PODS
    dag: Any = parse({**dataset_file(), **model_file(more=more)}).dags["delay__train"]
    given = dag.get_task("search").partial_kwargs
    assert given["pods"]["deadline_seconds"] > 600 * 60
    assert given["execution_timeout"].total_seconds() > 600 * 60


def test_each_workers_pod_has_a_record_of_its_own() -> None:
    """A retry finds the record of its worker, not of another."""
    pods = model_spec(more=PODS).pods
    assert pods is not None
    inputs = {"model": "delay", "request": "1", "worker": 2}
    task = StagePod(task_id="search", stage="search", inputs=inputs, pods=pods.model_dump())
    assert task.ref == RunRef("delay", "request-000001", "search_2")


@pytest.mark.usefixtures("airflow_database")
def test_every_worker_gets_its_number_and_the_request(parse: Parse, wiring: FakeWiring) -> None:
    """Nothing else travels between the tasks."""
    state, tasks = played(parse)
    assert (state, tasks["search"]) == ("success", ["success"] * 3)
    asked = [arguments for name, arguments in wiring.asked if name == "search"]
    expected = [{"model": "delay", "request": 3, "worker": worker} for worker in (1, 2, 3)]
    assert sorted(asked, key=lambda one: int(one["worker"])) == expected


@pytest.mark.usefixtures("airflow_database")
@pytest.mark.parametrize("failed", [1, 3])
def test_the_training_begins_whichever_workers_failed(
    parse: Parse, wiring: FakeWiring, failed: int
) -> None:
    """It has the trials of the others, and makes the challenger."""
    error, done = NotComputable("too few rows"), Verdict("searched", "done")
    verdicts = [*[error] * failed, *[done] * (3 - failed)]
    wiring.verdicts = {"accept": ACCEPTED, "search": verdicts}
    _, tasks = played(parse)
    assert sorted(tasks["search"]) == ["failed"] * failed + ["success"] * (3 - failed)
    assert (tasks["train"], tasks["promote_challenger"]) == (["success"], ["success"])


@pytest.mark.usefixtures("airflow_database")
@pytest.mark.parametrize("stage", ["accept", "snapshot"])
def test_without_a_snapshot_nothing_is_searched_or_trained(
    parse: Parse, wiring: FakeWiring, stage: str
) -> None:
    """The training does not take a worker that was skipped for one that has ended."""
    if stage == "accept":
        wiring.verdicts = {"accept": Verdict("nothing", "cooling down")}
    else:
        wiring.verdicts = {"accept": ACCEPTED, "snapshot": NotComputable("no rows")}
    _, tasks = played(parse)
    assert not {"search", "train"} & {name for name, _ in wiring.asked}
    assert tasks["train"] == ["skipped" if stage == "accept" else "upstream_failed"]
