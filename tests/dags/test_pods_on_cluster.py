"""A stage's task against the double of a cluster: real operator, real trigger, real client."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway import errors
from slipway.orchestration.pods.operator import StagePod
from slipway.records.store import Store
from tests.dags.idle import JUDGED, asked, evaluated, phase, the_pod, watched
from tests.dags.watched import fired, triggerer_ends
from tests.kubernetes_double import Cluster

pytestmark = pytest.mark.usefixtures("quick_retries")


def evicted(cluster: Cluster) -> None:
    """Let a task fail whose pod was evicted, and is kept."""
    task = watched()
    waits = task.start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    cluster.evict(waits.pod_name)
    task.resume(fired(waits))


def test_a_stage_runs_in_a_pod_and_leaves_its_record(cluster: Cluster, harbour: Store) -> None:
    """One pod, deleted at its end; and a repeat asks the cluster for nothing."""
    evaluated(harbour)
    task = watched(StagePod)
    pushed = task.run()
    assert pushed["return_value"]["action"] == JUDGED
    assert pushed["pod_namespace"] == "slipway"
    assert (asked(cluster, "POST"), asked(cluster, "DELETE")) == (1, 1)
    cluster.wait("no pod", lambda: not cluster.pods())

    before = len(cluster.requests)
    task.try_again()
    assert task.run()["return_value"]["action"] == JUDGED
    assert len(cluster.requests) == before


def test_a_shells_kubeconfig_is_not_meant(
    cluster: Cluster, harbour: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The connection says which cluster; what `KUBECONFIG` names does not reach the database."""
    evaluated(harbour)
    elsewhere = tmp_path / "elsewhere"
    elsewhere.write_text("apiVersion: v1\nkind: Config\nclusters: [{name: elsewhere}]\n")
    monkeypatch.setenv("KUBECONFIG", str(elsewhere))
    task = watched(StagePod)
    waits = task.start()
    assert waits is not None
    assert "elsewhere" not in str(waits.serialize())
    task.resume(fired(waits))
    assert task.instance.pushed["return_value"]["action"] == JUDGED
    assert asked(cluster, "DELETE") == 1


def test_a_stages_own_error_comes_out_of_its_pod(cluster: Cluster, harbour: Store) -> None:
    """Which is kept, to be looked at; its log is in Airflow's."""
    del harbour
    with pytest.raises(errors.NotFound, match="delay has no request 1"):
        watched(StagePod).run()
    assert phase(cluster) == "Failed"
    assert the_pod(cluster)["metadata"]["labels"]["already_checked"] == "True"


@pytest.mark.parametrize("status", [429, 500, 503])
def test_an_api_that_stumbles_is_asked_again(cluster: Cluster, harbour: Store, status: int) -> None:
    """Nobody notices but the log."""
    evaluated(harbour)
    for verb in ("create", "get", "list"):
        cluster.fail(verb, "Pod", status=status, times=2)
    assert watched(StagePod).run()["return_value"]["action"] == JUDGED


def test_an_api_that_is_away(cluster: Cluster) -> None:
    """Told as that, and tried again later; no pod was made."""
    cluster.fail(kind="Pod", status=500, times=None)
    with pytest.raises(errors.ClusterUnavailable, match="cannot start the pod"):
        watched().run()
    cluster.recover()
    assert cluster.pods() == []


def test_an_answer_that_is_lost_makes_no_twin(cluster: Cluster, harbour: Store) -> None:
    """The pod was made, Airflow was told 500: it takes that pod."""
    evaluated(harbour)
    cluster.fail("create", "Pod", status=500, after=True)
    assert watched(StagePod).run()["return_value"]["action"] == JUDGED
    names = {one.path for one in cluster.requests if one.method == "DELETE"}
    assert len(names) == 1


def test_a_lost_worker_finds_its_pod_again(cluster: Cluster) -> None:
    """The next try watches the same pod on, and makes no second one."""
    task = watched()
    first = task.start()
    assert first is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    task.try_again()
    again = task.start()
    assert again is not None
    assert again.pod_name == first.pod_name
    assert asked(cluster, "POST") == 1
    task.kept.clear()
    task.try_again()
    found = task.start()
    assert found is not None
    assert found.pod_name == first.pod_name


def test_a_watch_that_fails_goes_on(cluster: Cluster, harbour: Store) -> None:
    """The triggerer lost the API for a while; the task waits on, and no pod is made."""
    evaluated(harbour)
    task = watched(StagePod)
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
    """Whoever marks a waiting task, or clears it, has its pod deleted by the triggerer."""
    waits = watched().start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    triggerer_ends(waits, by_a_person=True)
    assert asked(cluster, "DELETE") == 1
    cluster.wait("no pod", lambda: not cluster.pods())


def test_a_triggerer_that_goes_takes_no_pod_along(cluster: Cluster) -> None:
    """The next one watches it on; only a person's wish kills."""
    waits = watched().start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    triggerer_ends(waits, by_a_person=False)
    assert asked(cluster, "DELETE") == 0
    assert the_pod(cluster)


def test_an_airflow_that_forgot_its_runs_takes_names_again(
    cluster: Cluster, harbour: Store
) -> None:
    """A kept pod of the same name, left from before its database was deleted, makes room."""
    with pytest.raises(errors.PodLost):
        evicted(cluster)
    evaluated(harbour)
    assert watched(StagePod).run()["return_value"]["action"] == JUDGED
    cluster.wait("no pod", lambda: not cluster.pods())
