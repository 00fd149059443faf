"""Errors of a stage's pod: the stage's own, the cluster's, and a pod without a record."""

from __future__ import annotations

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk.exceptions import (
    AirflowException,
)
from kubernetes.client import ApiException
from kubernetes.client import models as k8s
from kubernetes.config import ConfigException
from urllib3.exceptions import ReadTimeoutError

from slipway import errors
from slipway.records.stage_errors import keep_error
from slipway.records.store import Store
from tests.dags.pods import (
    context,
    event,
    instance_of,
    key_of,
    pod_task,
    seen_pod,
    the_pod_ends,
)


@pytest.mark.parametrize("ended", [None, AirflowException("exit code 1")])
def test_the_stages_own_error_is_raised_here(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch, ended: Exception | None
) -> None:
    """So the retry policy judges it like the error of a local stage."""
    task = pod_task()
    error = errors.CommitConflict("another writer committed first", found="version 7")
    keep_error(shared_store, key_of(task), error)
    the_pod_ends(monkeypatch, ended, pod=seen_pod())
    with pytest.raises(errors.CommitConflict, match="another writer committed first") as raised:
        task.trigger_reentry(context(instance_of(task)), event(task))
    assert raised.value.found == "version 7"


def test_an_error_of_an_earlier_try_is_not_this_ones(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An eviction of the second pod is not explained by the first pod's error."""
    task = pod_task()
    keep_error(shared_store, key_of(task, attempt=1), errors.NotComputable("too few rows"))
    the_pod_ends(monkeypatch, AirflowException("x"), pod=seen_pod(reason="Evicted"))
    task.__dict__["client"] = EventlessClient()
    with pytest.raises(errors.PodLost, match="taken off its node"):
        task.trigger_reentry(context(instance_of(task, attempt=2)), event(task, attempt=2))


def test_a_fault_of_the_stage_is_named(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception of another class keeps its name and message."""
    task = pod_task()
    keep_error(shared_store, key_of(task), ZeroDivisionError("division by zero"))
    the_pod_ends(monkeypatch, None)
    with pytest.raises(RuntimeError, match="ZeroDivisionError: division by zero"):
        task.trigger_reentry(context(instance_of(task)), event(task))


class EventlessClient:
    """A client that may not list events."""

    def list_namespaced_event(self, *_: object, **__: object) -> k8s.CoreV1EventList:
        """Refuse."""
        raise ApiException(status=403)


@pytest.mark.parametrize("phase", ["Succeeded", "Failed"])
def test_a_pod_that_left_nothing_is_a_failure(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch, phase: str
) -> None:
    """Neither its exit code nor missing events change that."""
    del shared_store
    the_pod_ends(monkeypatch, None, pod=seen_pod(phase))
    task = pod_task()
    task.__dict__["client"] = EventlessClient()
    with pytest.raises(errors.PodLost, match="ended without a record") as raised:
        task.trigger_reentry(context(instance_of(task)), event(task, status="success"))
    assert raised.value.where == f"slipway/{event(task)['name']}"


@pytest.mark.parametrize(
    "problem", [ApiException(status=503), ReadTimeoutError(None, "/", "timed out")]
)
def test_an_api_that_does_not_answer_is_no_fault_of_the_pod(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch, problem: Exception
) -> None:
    """The next try watches the same pod."""
    del shared_store
    the_pod_ends(monkeypatch, problem)
    task = pod_task()
    with pytest.raises(errors.ClusterUnavailable, match="watch the pod"):
        task.trigger_reentry(context(instance_of(task)), event(task))


def test_a_pod_that_is_not_made_says_why(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With the API's message, as one of Slipway's errors."""
    del shared_store

    def execute(*_: object) -> None:
        raise ApiException(status=403, reason="exceeded quota")

    monkeypatch.setattr(KubernetesPodOperator, "execute", execute)
    task = pod_task()
    with pytest.raises(errors.Unschedulable, match="cannot start the pod of promote_challenger"):
        task.execute(context())


def test_without_a_cluster_the_connection_is_named(
    shared_store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A retry cannot help, so the error is permanent."""
    del shared_store

    def execute(*_: object) -> None:
        raise ConfigException("No configuration found.")

    monkeypatch.setattr(KubernetesPodOperator, "execute", execute)
    with pytest.raises(errors.BadParameter, match="kubernetes_default"):
        pod_task().execute(context())
