"""A stage's task as a pod: task, context, pod, and ways for the pod to end."""

from __future__ import annotations

from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.sdk import Context
from kubernetes.client import ApiClient
from kubernetes.client import models as k8s

from slipway.orchestration.pods.operator import StagePod
from slipway.orchestration.train_dag import train_dag
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from tests.dags.specs import PODS, model_spec
from tests.fakes.airflow import FakeInstance, FakeRun, task_context

GATED = Verdict("refused", "0.68 does not beat 0.70", {"roc_auc": 0.68})
REF = RunRef("delay", "request-000003", "promote_challenger")
RUN = "asset__7+00:00"


def pod_task(**changes: Any) -> StagePod:
    """The task that promotes the challenger of request 3."""
    arguments = {
        "task_id": "promote_challenger",
        "stage": "promote_challenger",
        "inputs": {"model": "delay", "request": "3"},
        "pods": model_spec(more=PODS).pods.model_dump(),
        **changes,
    }
    return StagePod(**arguments)


def accepting(**changes: Any) -> StagePod:
    """The task that accepts requests; its run is not known before it ends."""
    return pod_task(task_id="accept", stage="accept", inputs={"model": "delay"}, **changes)


def context(instance: FakeInstance | None = None) -> Context:
    """A task's context in the first try of an asset-triggered run."""
    run = FakeRun(RUN, "asset_triggered")
    return task_context(train_dag(model_spec()), run=run, instance=instance)


def instance_of(task: StagePod, *, attempt: int = 1, map_index: int = -1) -> FakeInstance:
    """One try of a task."""
    return FakeInstance(task_id=task.task_id, try_number=attempt, map_index=map_index)


def built(task: StagePod, *, attempt: int = 1, map_index: int = -1) -> dict[str, Any]:
    """The pod as Airflow sends it to Kubernetes."""
    from slipway.orchestration.task_setup import set_up_task

    of = context(instance_of(task, attempt=attempt, map_index=map_index))
    task.origin = set_up_task(of)
    sent: dict[str, Any] = ApiClient().sanitize_for_serialization(
        task.build_pod_request_obj(of, dry_run=True)
    )
    return sent


def key_of(task: StagePod, *, attempt: int = 1) -> str:
    """The key under which the pod of a try stores its outcome."""
    key: str = built(task, attempt=attempt)["spec"]["containers"][0]["args"][-1]
    return key


def event(task: StagePod, *, attempt: int = 1, status: str = "failed") -> dict[str, Any]:
    """The trigger's event about the pod of a try."""
    name = built(task, attempt=attempt)["metadata"]["name"]
    return {"status": status, "name": name, "namespace": "slipway", "message": "it waited"}


def the_pod_ends(
    monkeypatch: pytest.MonkeyPatch,
    error: BaseException | None,
    *,
    pod: k8s.V1Pod | None = None,
) -> None:
    """Replace the re-entry of Airflow's operator: set its pod, and raise an error if given."""

    def trigger_reentry(task: StagePod, *_: object) -> None:
        task.pod = pod
        if error is not None:
            raise error

    monkeypatch.setattr(KubernetesPodOperator, "trigger_reentry", trigger_reentry)


def seen_pod(phase: str = "Failed", **status: Any) -> k8s.V1Pod:
    """A pod as Airflow's operator holds it."""
    return k8s.V1Pod(
        metadata=k8s.V1ObjectMeta(name="pod", namespace="slipway"),
        spec=k8s.V1PodSpec(containers=[k8s.V1Container(name="base", image="stages:1")]),
        status=k8s.V1PodStatus(phase=phase, **status),
    )
