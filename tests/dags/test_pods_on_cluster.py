"""A stage's task on the cluster double: real operator, real trigger, real client."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway import errors
from slipway.orchestration.pods.operator import StagePod
from slipway.records.store import Store
from tests.dags.deferred_task import cancel_trigger, fired
from tests.dags.gate_pods import JUDGED, asked, gate_task, only_pod, phase, record_evaluation
from tests.kubernetes_double import Cluster

pytestmark = pytest.mark.usefixtures("quick_retries")


def evicted(cluster: Cluster) -> None:
    """Run a task whose pod is evicted and kept."""
    task = gate_task()
    waits = task.start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    cluster.evict(waits.pod_name)
    task.resume(fired(waits))


def test_a_stage_runs_in_a_pod_and_leaves_its_record(cluster: Cluster, shared_store: Store) -> None:
    """One pod, deleted at its end; a repeat makes no request to the cluster."""
    record_evaluation(shared_store)
    task = gate_task(StagePod)
    pushed = task.run()
    assert pushed["return_value"]["action"] == JUDGED
    assert pushed["pod_namespace"] == "slipway-stages"
    assert (asked(cluster, "POST"), asked(cluster, "DELETE")) == (1, 1)
    cluster.wait("no pod", lambda: not cluster.pods())

    before = len(cluster.requests)
    task.try_again()
    assert task.run()["return_value"]["action"] == JUDGED
    assert len(cluster.requests) == before


def test_a_shells_kubeconfig_is_not_meant(
    cluster: Cluster, shared_store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection names the cluster; a path in `KUBECONFIG` does not reach the database."""
    record_evaluation(shared_store)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("apiVersion: v1\nkind: Config\nclusters: [{name: elsewhere}]\n")
    monkeypatch.setenv("KUBECONFIG", str(elsewhere))
    task = gate_task(StagePod)
    waits = task.start()
    assert waits is not None
    assert "elsewhere" not in str(waits.serialize())
    task.resume(fired(waits))
    assert task.instance.pushed["return_value"]["action"] == JUDGED
    assert asked(cluster, "DELETE") == 1


def test_a_stages_own_error_comes_out_of_its_pod(cluster: Cluster, shared_store: Store) -> None:
    """The failed pod is kept, and its log is in Airflow's log."""
    del shared_store
    with pytest.raises(errors.NotFound, match="delay has no request 1"):
        gate_task(StagePod).run()
    assert phase(cluster) == "Failed"
    assert only_pod(cluster)["metadata"]["labels"]["already_checked"] == "True"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_api_that_stumbles_is_asked_again(
    cluster: Cluster, shared_store: Store, status: int
) -> None:
    """The request is repeated, and only the log shows it."""
    record_evaluation(shared_store)
    for verb in ("create", "get", "list"):
        cluster.fail(verb, "Pod", status=status, times=2)
    assert gate_task(StagePod).run()["return_value"]["action"] == JUDGED


def test_an_api_that_is_away(cluster: Cluster) -> None:
    """The error is transient, and no pod was made."""
    cluster.fail(kind="Pod", status=500, times=None)
    with pytest.raises(errors.ClusterUnavailable, match="cannot start the pod"):
        gate_task().run()
    cluster.recover()
    assert cluster.pods() == []


def test_an_answer_that_is_lost_makes_no_twin(cluster: Cluster, shared_store: Store) -> None:
    """The pod was made and Airflow got 500: the retry uses that pod."""
    record_evaluation(shared_store)
    cluster.fail("create", "Pod", status=500, after=True)
    assert gate_task(StagePod).run()["return_value"]["action"] == JUDGED
    names = {one.path for one in cluster.requests if one.method == "DELETE"}
    assert len(names) == 1


def test_a_lost_worker_finds_its_pod_again(cluster: Cluster) -> None:
    """The next try watches the same pod and makes no second one."""
    task = gate_task()
    first = task.start()
    assert first is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    task.try_again()
    again = task.start()
    assert again is not None
    assert again.pod_name == first.pod_name
    assert asked(cluster, "POST") == 1
    task.state.clear()
    task.try_again()
    found = task.start()
    assert found is not None
    assert found.pod_name == first.pod_name


def test_a_watch_that_fails_goes_on(cluster: Cluster, shared_store: Store) -> None:
    """The API fails for a while; the task waits on, and no pod is made."""
    record_evaluation(shared_store)
    task = gate_task(StagePod)
    waits = task.start()
    assert waits is not None
    cluster.fail("get", "Pod", status=500, times=None)
    event = fired(waits)
    assert event["status"] == "error"
    cluster.recover()
    again = task.resume(event)
    while again is not None:
        again = task.resume(fired(again))
    assert task.instance.pushed["return_value"]["action"] == JUDGED
    assert asked(cluster, "POST") == 1


def test_a_marked_task_takes_its_pod_along(cluster: Cluster) -> None:
    """The triggerer deletes the pod of a task that a person has marked or cleared."""
    waits = gate_task().start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    cancel_trigger(waits, by_a_person=True)
    assert asked(cluster, "DELETE") == 1
    cluster.wait("no pod", lambda: not cluster.pods())


def test_a_triggerer_that_goes_takes_no_pod_along(cluster: Cluster) -> None:
    """The next triggerer watches the pod; only a person's action deletes it."""
    waits = gate_task().start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    cancel_trigger(waits, by_a_person=False)
    assert asked(cluster, "DELETE") == 0
    assert only_pod(cluster)


def test_an_airflow_that_forgot_its_runs_takes_names_again(
    cluster: Cluster, shared_store: Store
) -> None:
    """A kept pod of the same name, from before the database was deleted, is replaced."""
    with pytest.raises(errors.PodLost):
        evicted(cluster)
    record_evaluation(shared_store)
    assert gate_task(StagePod).run()["return_value"]["action"] == JUDGED
    cluster.wait("no pod", lambda: not cluster.pods())
