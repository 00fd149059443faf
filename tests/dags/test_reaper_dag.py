"""The reaper on the cluster double: it deletes abandoned pods, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest

from slipway import errors
from slipway.orchestration import reaper_dag
from slipway.orchestration.reaper_dag import reap
from slipway.spec.pods import Pods
from tests.dags.gate_pods import gate_task, only_pod, phase
from tests.fakes.airflow import FakeInstance, task_context
from tests.kubernetes_double import Cluster

pytestmark = pytest.mark.usefixtures("quick_retries")


class StatesInstance(FakeInstance):
    """A task instance with the states of others."""

    known: dict[str, dict[str, Any]]
    questions: list[tuple[str, list[str]]]

    def get_task_states(self, *, dag_id: str, run_ids: list[str]) -> dict[str, dict[str, Any]]:
        """States of tasks, by run."""
        self.questions.append((dag_id, run_ids))
        return self.known


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> StatesInstance:
    """The reaper's own task, in an Airflow without other tasks."""
    one = StatesInstance()
    one.known, one.questions = {}, []
    dag = reaper_dag.reaper_dag([Pods(image="stages:1")])
    monkeypatch.setattr(reaper_dag, "get_current_context", lambda: task_context(dag, instance=one))
    return one


def counts() -> dict[str, int]:
    """Numbers of the reaper's verdict."""
    numbers: dict[str, int] = reap.function("kubernetes_default", "slipway-stages")
    return numbers


@pytest.mark.usefixtures("instance")
def test_a_failed_pod_goes_once_it_was_kept(
    cluster: Cluster, caplog: pytest.LogCaptureFixture
) -> None:
    """Not before; the log names the pod and the reason."""
    failing = gate_task(kept_minutes=60)
    waits = failing.start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    cluster.evict(waits.pod_name)
    cluster.wait("a failed pod", lambda: phase(cluster) == "Failed")
    assert counts() == {"deleted": 0, "left": 1}
    patch = {"metadata": {"annotations": {"slipway/kept-minutes": "0"}}}
    cluster.patch("Pod", waits.pod_name, patch)
    with caplog.at_level("INFO"):
        assert counts() == {"deleted": 1, "left": 0}
    assert f"deleted {waits.pod_name}: it ended 0 minutes ago" in caplog.text
    cluster.wait("no pod", lambda: not cluster.pods())


def test_a_pod_whose_task_waits_for_it_stays(cluster: Cluster, instance: StatesInstance) -> None:
    """The reaper reads the state of the task that started the pod."""
    assert gate_task(kept_minutes=0).start() is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    cluster.evict(only_pod(cluster)["metadata"]["name"])
    cluster.wait("a failed pod", lambda: phase(cluster) == "Failed")
    instance.known = {"asset__7": {"gate": "deferred"}}
    assert counts() == {"deleted": 0, "left": 1}
    assert instance.questions == [("delay__train", ["asset__7"])]
    instance.known = {"asset__7": {"gate": "success"}}
    assert counts() == {"deleted": 1, "left": 0}


@pytest.mark.usefixtures("instance")
def test_pods_of_others_are_left(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Pods of another installation or another program in the same namespace stay."""
    assert gate_task(kept_minutes=0).start() is not None
    monkeypatch.setenv("SLIPWAY_STORE", "s3://staging/slipway")
    assert counts() == {"deleted": 0, "left": 0}
    assert len(cluster.pods()) == 1


@pytest.mark.usefixtures("instance")
def test_a_pod_that_changes_meanwhile_is_left(cluster: Cluster) -> None:
    """The next sweep considers it again."""
    assert gate_task(kept_minutes=0).start() is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    cluster.evict(only_pod(cluster)["metadata"]["name"])
    cluster.wait("a failed pod", lambda: phase(cluster) == "Failed")
    cluster.fail("delete", "Pod", status=409)
    assert counts() == {"deleted": 0, "left": 1}
    assert counts() == {"deleted": 1, "left": 0}


@pytest.mark.usefixtures("instance")
def test_a_reaper_without_the_right_says_so(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The task fails."""
    connection = cluster.connection("slipway-stages")
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", connection)
    with pytest.raises(errors.Denied, match="cannot delete leftover pods"):
        counts()
