"""Every failure of a running task's pod, on the cluster double."""

from __future__ import annotations

import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from slipway import errors
from tests.dags.deferred_task import DeferredTask, fired
from tests.dags.gate_pods import NoRecordPod, asked, gate_task, only_pod, phase
from tests.kubernetes_double import Cluster

pytestmark = pytest.mark.usefixtures("quick_retries")


def once_it_runs(
    cluster: Cluster, task: DeferredTask, harm: Callable[[str], object]
) -> errors.SlipwayError:
    """The task's error after a change to its running pod."""
    waits = task.start()
    assert waits is not None
    cluster.wait("a running pod", lambda: phase(cluster) == "Running")
    with ThreadPoolExecutor(1) as triggerer:
        event = triggerer.submit(fired, waits)
        time.sleep(1)
        harm(only_pod(cluster)["metadata"]["name"])
        payload = event.result()
    with pytest.raises(errors.SlipwayError) as raised:
        assert task.resume(payload) is None
    return raised.value


def test_a_pod_that_ends_well_without_a_record_failed(cluster: Cluster) -> None:
    """Exit code 0 without a record is a failure."""
    with pytest.raises(errors.PodLost, match="ended without a record"):
        gate_task(NoRecordPod).run()
    assert asked(cluster, "POST") == 1


def test_a_pod_out_of_memory(cluster: Cluster) -> None:
    """The error has the limit, and the pod is kept."""
    error = once_it_runs(cluster, gate_task(), cluster.oom)
    assert type(error) is errors.OutOfMemory
    assert "64Mi" in str(error.expected)
    assert phase(cluster) == "Failed"


def test_an_evicted_pod(cluster: Cluster) -> None:
    """The error is `PodLost`; the next try makes another pod beside the kept one."""
    task = gate_task()
    error = once_it_runs(cluster, task, cluster.evict)
    assert type(error) is errors.PodLost
    assert "Evicted" in str(error.found)
    task.try_again()
    assert task.start() is not None
    assert len(cluster.pods()) == 2


def test_a_pod_whose_node_goes(cluster: Cluster) -> None:
    """The error is `PodLost`."""
    error = once_it_runs(
        cluster, gate_task(), lambda _: cluster.lose_node(only_pod(cluster)["spec"]["nodeName"])
    )
    assert type(error) is errors.PodLost


def test_a_deleted_pod(cluster: Cluster) -> None:
    """The error is `PodLost`."""
    error = once_it_runs(
        cluster, gate_task(), lambda name: cluster.delete("Pod", name, grace_seconds=0)
    )
    assert type(error) is errors.PodLost
    assert "does not exist any more" in error.message


def test_a_pod_that_takes_too_long(cluster: Cluster) -> None:
    """Kubernetes ends it at its deadline."""
    with pytest.raises(errors.DeadlineExceeded, match="longer than the deadline of its pod"):
        gate_task(deadline_seconds=2).run()
    assert phase(cluster) == "Failed"


def test_an_image_that_is_missing(cluster: Cluster) -> None:
    """The error comes at once, and the waiting pod is deleted."""
    with pytest.raises(errors.BadImage, match="there is no image for gate") as raised:
        gate_task(image="registry.example/slipway-stages:0.9").run()
    assert "slipway-stages:0.9" in str(raised.value.expected)
    cluster.wait("no pod", lambda: not cluster.pods())


def test_a_pod_that_no_node_takes(cluster: Cluster) -> None:
    """The error has the scheduler's message, after the spec's start-up time; the pod is deleted."""
    with pytest.raises(errors.Unschedulable, match="no node has room") as raised:
        gate_task(startup_seconds=1, node_selector={"disk": "ssd"}).run()
    assert "disk=ssd" in str(raised.value.expected)
    assert "nodes are available" in str(raised.value.found)
    cluster.wait("no pod", lambda: not cluster.pods())


def test_a_quota_that_is_used_up(cluster: Cluster) -> None:
    """No pod is made; a later try may find room."""
    cluster.quota(0)
    with pytest.raises(errors.Unschedulable, match="quota is used up") as raised:
        gate_task().run()
    assert "exceeded quota" in str(raised.value.found)
    assert cluster.pods() == []


def test_a_connection_without_the_right(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    """Airflow's account on the cluster may not make pods."""
    connection = cluster.connection("slipway-stages")
    monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", connection)
    with pytest.raises(errors.Denied, match="the cluster does not allow it") as raised:
        gate_task().run()
    assert "slipway-stages" in str(raised.value.found)
