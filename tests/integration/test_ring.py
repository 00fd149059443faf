"""The whole ring in pods of any cluster: from landing files to a rollback under requests."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from typing import Any

import pandas as pd
import pytest
from airflow.sdk import DAG

from slipway import wiring
from slipway.orchestration.deploy_dag import deploy_dag
from slipway.orchestration.stage_task import stage_task
from slipway.orchestration.train_dag import train_dag
from tests.integration import manifests
from tests.integration.clients import Clients, asking
from tests.integration.dag_runner import Run
from tests.integration.project import DATASET, ENTRY, MODEL, ClusterProject, crossings

NUMBERS = itertools.count(1)
TRAINED = {
    "accept": "accept",
    "snapshot": "pinned",
    "train": "trained",
    "evaluate": "evaluated",
    "gate": "promote",
    "promote_challenger": "promoted",
    "answer": "answered",
}
DEPLOYED = {
    "reconcile": "roll_out",
    "verify": "verified",
    "shift_50": "shifted",
    "switch": "switched",
    "promote_champion": "promoted",
}

pytestmark = pytest.mark.timeout(3600)


def run(project: ClusterProject, make: Callable[[], DAG], **conf: Any) -> Run:
    """A run that a person has started."""
    volume = manifests.project_volume(project.files)
    run_id = f"manual__{next(NUMBERS)}"
    # The longest of its stages waits for requests.
    seconds = project.cluster.patience_s + 300
    return Run(make, run_id, volume, seconds, project.cluster.tries, conf=conf)


def train(project: ClusterProject) -> dict[str, str]:
    """Action of each stage of a training."""
    spec = project.model()
    return run(project, lambda: train_dag(spec), reason="to try a cluster").actions()


def deploy(project: ClusterProject, **conf: Any) -> dict[str, str]:
    """Action of each stage of a deployment."""
    spec = project.model()
    return run(project, lambda: deploy_dag(spec), **conf).actions()


@pytest.fixture(scope="module", autouse=True)
def _mlflow(project: ClusterProject) -> None:
    project.start_mlflow()


@pytest.fixture(scope="module")
def clients(project: ClusterProject) -> Iterator[Clients]:
    """Clients from the first served version on; tests of this file share what they build."""
    with asking(project) as clients:
        yield clients


def test_what_lands_is_ingested_by_pods(project: ClusterProject) -> None:
    """One pod per delivery, features and labels; none waits afterwards."""
    project.land()
    spec, claimed = project.dataset, _claimed(project)
    for delivery in claimed["deliveries"]:
        inputs = {"dataset": DATASET} | {
            name: delivery[name] for name in ("stream", "batch", "file")
        }

        def one(inputs: dict[str, Any] = inputs) -> DAG:
            with DAG(f"{DATASET}__ingest", schedule=None) as dag:
                stage_task(spec, "ingest", inputs=inputs)
            return dag

        assert run(project, one).actions() == {"ingest": "ingested"}
    assert wiring.acknowledge(dataset=DATASET, fingerprint=claimed["fingerprint"])


def _claimed(project: ClusterProject) -> dict[str, Any]:
    """Both deliveries, once they have settled."""

    def both() -> dict[str, Any] | None:
        found = wiring.claim(dataset=DATASET)
        return found if len(found["deliveries"]) == 2 else None

    found: dict[str, Any] = project.cluster.admin.wait("two deliveries", both, seconds=60)
    return found


def test_a_model_is_trained_and_served_by_pods(project: ClusterProject) -> None:
    """A first challenger passes its gates and serves at the model's entry point."""
    assert train(project) == TRAINED
    assert deploy(project) == {**DEPLOYED, "shift_50": "unneeded"}
    assert project.alias("champion") == 1
    assert project.at("serving").find("Deployment", f"{ENTRY}-v1") is not None


def test_a_canary_shares_requests_and_takes_over(project: ClusterProject, clients: Clients) -> None:
    """The second challenger gets its share, passes the canary analysis, and serves."""
    assert train(project) == TRAINED
    assert deploy(project) == DEPLOYED
    assert project.alias("champion") == 2
    assert project.alias("previous") == 1
    assert set(clients.versions()) == {1, 2}
    assert set(clients.after(20, since=len(clients.results()))) == {2}


def test_a_rollback_brings_the_previous_version_back(
    project: ClusterProject, clients: Clients
) -> None:
    """Alias and answers change together; no step is needed."""
    back = {**DEPLOYED, "reconcile": "roll_back", "shift_50": "unneeded"}
    assert deploy(project, to="previous") == back
    assert project.alias("champion") == 1
    assert set(clients.after(20, since=len(clients.results()))) == {1}


def test_no_request_failed(clients: Clients) -> None:
    """Through a canary, a switch and a rollback the model answered every request."""
    assert len(clients.results()) > 100
    assert clients.failures() == []


def test_what_was_answered_is_in_the_prediction_log(
    project: ClusterProject, clients: Clients
) -> None:
    """Every answered request, with the key and the event time that ingest derived of its row."""
    answered = {one["id"] for one in clients.results()[:50]}
    deadline = time.monotonic() + 120

    def logged() -> pd.DataFrame:
        columns = ["request_id", "key", "event_time"]
        found = project.container.log.read(MODEL, None, None, columns=columns)
        return found[found["request_id"].isin(answered)]

    while not answered <= set((found := logged())["request_id"]):
        assert time.monotonic() < deadline, answered - set(found["request_id"])
        time.sleep(1)
    tables = project.container.tables
    stored = tables.read(f"{DATASET}/features", columns=["_key", "_event_time", "crossing"])
    [row] = stored[stored["crossing"] == crossings(1)["crossing"].iloc[0]].itertuples(index=False)
    assert set(zip(found["key"], found["event_time"], strict=True)) == {row[:2]}


def test_no_pod_of_a_stage_is_left(project: ClusterProject) -> None:
    """Each was deleted after its success."""
    admin = project.at("stages")
    of_stages = {"app.kubernetes.io/name": "slipway-stage", "slipway/model": MODEL}
    admin.wait("no pod of a stage", lambda: not admin.list_objects("Pod", of_stages), seconds=120)
