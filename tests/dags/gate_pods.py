"""Tasks of the stage `gate` on the cluster double: the real stage, or another program."""

from __future__ import annotations

from typing import Any

from airflow.sdk import Context
from kubernetes.client import models as k8s

from slipway.orchestration.pods.operator import StagePod
from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.store import Store
from slipway.records.verdicts import Verdict
from tests.dags.deferred_task import DeferredTask
from tests.dags.specs import PODS, model_spec
from tests.kubernetes_double import Cluster

GATE = RunRef("delay", "request-000001", "gate")
INPUTS = {"model": "delay", "request": "1"}
MEASURED = {"challenger.roc_auc": 0.7, "constant.roc_auc": 0.5}
REPOSITORY = "registry.example/slipway-stages"
IMAGE = f"{REPOSITORY}:1.0"
PROGRAMS = {
    f"{REPOSITORY}:sleeps": ["sleep", "60"],
    f"{REPOSITORY}:records-nothing": ["true"],
}
"""Images in which `slipway` is another program."""

JUDGED = "refuse"
"""The gate's action on these metrics: there is too little to compare."""


class SleepingPod(StagePod):
    """A task in an image whose `slipway` sleeps for a minute and records nothing."""

    tag = "sleeps"

    def build_pod_request_obj(
        self, context: Context | None = None, *, dry_run: bool = False
    ) -> k8s.V1Pod:
        """The same pod in another image, where the spec names the usual one."""
        pod = super().build_pod_request_obj(context, dry_run=dry_run)
        [container] = pod.spec.containers
        if container.image == IMAGE:
            container.image = f"{REPOSITORY}:{self.tag}"
        return pod


class NoRecordPod(SleepingPod):
    """A task in an image whose `slipway` succeeds and records nothing."""

    tag = "records-nothing"


def gate_task(kind: type[StagePod] = SleepingPod, **changes: Any) -> DeferredTask:
    """The task of the gate, with changes of the spec's `pods`."""
    sizes = {"node_selector": {}, "resources": {"cpu": "100m", "memory": "64Mi"}, **changes}
    pods = {**model_spec(more=PODS).pods.model_dump(), **sizes}

    def make() -> StagePod:
        return kind(task_id="gate", stage="gate", inputs=INPUTS, pods=pods)

    return DeferredTask(make)


def record_evaluation(store: Store) -> None:
    """Record the evaluation that the gate reads."""
    at = "2013-05-01T00:00:00+00:00"
    requests.file_request(
        store, "delay", kind="person", reason="new data", at=at, by="ann", unique="1"
    )
    verdict = Verdict("evaluated", "measured", MEASURED)
    perform(RunContext(store, {}), GATE.beside("evaluate"), lambda _: verdict, inputs={})


def asked(cluster: Cluster, method: str) -> int:
    """Number of Airflow's requests with a method for pods."""
    return sum(
        1
        for one in cluster.requests
        if one.method == method and "/pods" in one.path and one.account.endswith("slipway-airflow")
    )


def only_pod(cluster: Cluster) -> dict[str, Any]:
    """The only pod of a stage."""
    (only,) = cluster.pods({"app.kubernetes.io/name": "slipway-stage"})
    return only


def phase(cluster: Cluster) -> str:
    """Phase of the only pod."""
    return str(only_pod(cluster)["status"].get("phase"))
