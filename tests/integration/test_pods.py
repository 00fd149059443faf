"""A stage in a pod of any cluster: its record, and every way in which a pod fails."""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from kubernetes.client import ApiException

from slipway import errors
from slipway.orchestration.pods.operator import StagePod
from slipway.orchestration.train_dag import train_dag
from slipway.records import requests
from slipway.records.idempotent_stage import perform
from slipway.records.run_context import RunContext
from slipway.records.run_records import RunRef
from slipway.records.verdicts import Verdict
from tests.dags.deferred_task import cancel_trigger
from tests.integration import manifests
from tests.integration.api import BINDING, FORBIDDEN, Api, Manifest
from tests.integration.dag_runner import Run, fired, runs
from tests.integration.project import IDLE_MODEL, ClusterProject
from tests.integration.suite_cluster import AIRFLOW

GATE = RunRef(IDLE_MODEL, "request-000001", "gate")
WAITS = "import time; time.sleep(300)"
FILLS_ITS_MEMORY = """
import time
time.sleep(3)
kept = b"x" * 2**28
time.sleep(300)
"""
QUOTA = "quota-of-a-test"
NUMBERS = itertools.count(1)

pytestmark = pytest.mark.timeout(1800)


def gate(
    project: ClusterProject, change: Callable[[StagePod], None] = lambda _: None, **pods: Any
) -> Run:
    """A run whose request exists, with changes of the spec's `pods`."""
    spec = project.model(IDLE_MODEL)
    assert spec.pods is not None
    changed = spec.model_copy(update={"pods": spec.pods.model_copy(update=pods)})
    return Run(
        lambda: train_dag(changed),
        f"manual__{next(NUMBERS)}",
        manifests.project_volume(project.files),
        project.cluster.patience_s,
        pushed={"accept": {"request": 1}},
        changed=change,
    )


def pods_of(project: ClusterProject, stage: str = "gate") -> list[Manifest]:
    """Pods of a stage that are not being deleted."""
    found = project.at("stages").list_objects("Pod", {"slipway/stage": stage})
    return [pod for pod in found if "deletionTimestamp" not in pod["metadata"]]


def running(project: ClusterProject, name: str) -> None:
    """Return once a pod runs."""
    admin = project.at("stages")

    def runs_now() -> bool:
        found = admin.find("Pod", name) or {}
        return (found.get("status") or {}).get("phase") == "Running"

    admin.wait(f"{name} runs", runs_now, seconds=project.cluster.patience_s)


def gone(project: ClusterProject, name: str) -> None:
    """Return once a pod does not exist any more."""
    admin = project.at("stages")
    admin.wait(f"the end of {name}", lambda: admin.find("Pod", name) is None, seconds=120)


def admitted(project: ClusterProject, *, is_so: bool) -> None:
    """Return once the API enforces a change of the policies: by a pod that they refuse."""
    admin = project.at("stages")
    labels = {"app.kubernetes.io/name": "odd"}
    meta = {"name": "odd", "namespace": admin.namespace, "labels": labels}
    spec = manifests.restricted(project.cluster.image, ["true"])
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": meta, "spec": spec}

    def is_admitted() -> bool:
        try:
            admin.create(pod)
        except ApiException as error:
            if error.status != FORBIDDEN:
                raise
            return False
        admin.delete("Pod", "odd")
        gone(project, "odd")
        return True

    admin.wait("a change of policies", lambda: is_admitted() is is_so, seconds=60)


@pytest.fixture(scope="module", autouse=True)
def _without_policies(project: ClusterProject) -> Iterator[None]:
    """Pods of this file run other programs than a stage, which the policies refuse."""
    admin = project.at("stages")
    bound = [
        one
        for one in manifests.foundation(project.cluster.namespace, image=project.cluster.image)
        if one["kind"] == BINDING
        and one["metadata"]["name"].endswith(("-stages", "-airflow", "-airflow-changes"))
    ]
    assert len(bound) == 3
    for one in bound:
        admin.delete(BINDING, one["metadata"]["name"])
    admitted(project, is_so=True)
    yield
    for one in bound:
        admin.apply(one)
    admitted(project, is_so=False)


@pytest.fixture(autouse=True)
def _tidied(project: ClusterProject) -> Iterator[None]:
    """Delete failed pods, which are kept for people, after each test."""
    yield
    for pod in pods_of(project):
        project.at("stages").delete("Pod", pod["metadata"]["name"])


def test_a_stage_leaves_its_record_and_no_pod(project: ClusterProject) -> None:
    """The outcome reaches the task by the store; another try starts no pod."""
    at = "2024-03-02T00:00:00+00:00"
    requests.file_request(
        project.store, IDLE_MODEL, kind="person", reason="to try", at=at, by="ann", unique="1"
    )
    measured = {"challenger.roc_auc": 0.7, "constant.roc_auc": 0.5}
    verdict = Verdict("evaluated", "measured", measured)
    perform(RunContext(project.store, {}), GATE.beside("evaluate"), lambda _: verdict, inputs={})
    run = gate(project)
    waits = run.start("gate")
    assert waits is not None
    run.resume("gate", fired(waits, seconds=run.patience_s))
    assert run.pushed["gate"]["return_value"]["action"] == "refuse"
    gone(project, waits.pod_name)
    assert run.start("gate", attempt=2) is None
    project.store.delete(GATE.key)


def test_a_pod_without_a_record_is_a_failure(
    project: ClusterProject, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    """Exit code 0 is no result; the pod's output is in Airflow's log, and the pod is kept."""
    caplog.set_level(logging.INFO)
    run = gate(project, runs("print('three two one')"))
    with pytest.raises(errors.PodLost, match="ended without a record"):
        run.task("gate")
    assert "three two one" in capfd.readouterr().out + caplog.text


def test_a_marked_task_takes_its_pod_along(project: ClusterProject) -> None:
    """The triggerer deletes the pod of a task that a person has marked or cleared."""
    waits = gate(project, runs(WAITS)).start("gate")
    assert waits is not None
    running(project, waits.pod_name)
    cancel_trigger(waits, by_a_person=True)
    gone(project, waits.pod_name)


def test_a_deleted_pod_is_lost(project: ClusterProject) -> None:
    """The error is transient, regardless of who deleted the pod."""
    run = gate(project, runs(WAITS))
    waits = run.start("gate")
    assert waits is not None
    running(project, waits.pod_name)
    project.at("stages").delete("Pod", waits.pod_name)
    event = fired(waits, seconds=run.patience_s)
    with pytest.raises(errors.PodLost):
        run.resume("gate", event)


def test_a_pod_out_of_memory_says_its_limit(project: ClusterProject) -> None:
    """The kernel killed it, so the limit has to be raised: another try does not help."""
    amounts = project.model(IDLE_MODEL).pods.resources.model_copy(update={"memory": "64Mi"})  # type: ignore[union-attr]
    run = gate(project, runs(FILLS_ITS_MEMORY), resources=amounts)
    waits = run.start("gate")
    assert waits is not None
    running(project, waits.pod_name)
    project.cluster.lacks_memory(waits.pod_name)
    with pytest.raises(errors.OutOfMemory) as raised:
        run.resume("gate", fired(waits, seconds=run.patience_s))
    assert "64Mi" in str(raised.value.expected)


def test_a_missing_image_is_reported(project: ClusterProject) -> None:
    """The tag does not exist, or the registry does not answer; the pod is deleted."""
    *registry, name = project.cluster.image.partition("@")[0].split("/")
    missing = "/".join([*registry, f"{name.partition(':')[0]}:never-pushed"])
    with pytest.raises((errors.BadImage, errors.ImagePullFailed)) as raised:
        gate(project, image=missing).task("gate")
    assert "never-pushed" in str(raised.value.expected)
    project.at("stages").wait("no pod", lambda: not pods_of(project), seconds=120)


def test_an_unschedulable_pod_is_reported(project: ClusterProject) -> None:
    """With the scheduler's message, after the spec's start-up time; the pod is deleted."""
    nowhere = {"slipway/no-such-node": "here"}
    with pytest.raises(errors.Unschedulable, match="no node has room") as raised:
        gate(project, startup_seconds=10, node_selector=nowhere).task("gate")
    assert "slipway/no-such-node=here" in str(raised.value.expected)
    project.at("stages").wait("no pod", lambda: not pods_of(project), seconds=120)


@contextmanager
def full_namespace(project: ClusterProject) -> Iterator[None]:
    """A ResourceQuota by which the namespace admits no further pod."""
    admin = project.at("stages")
    admin.apply(
        {
            "apiVersion": "v1",
            "kind": "ResourceQuota",
            "metadata": {"name": QUOTA, "namespace": project.at("stages").namespace},
            "spec": {"hard": {"pods": "0"}},
        }
    )
    try:
        project.cluster.counted(QUOTA)
        yield
    finally:
        admin.delete("ResourceQuota", QUOTA)


def test_a_used_up_quota_is_reported(project: ClusterProject) -> None:
    """No pod is made, and a later try may find room."""
    with (
        full_namespace(project),
        pytest.raises(errors.Unschedulable, match="quota is used up") as raised,
    ):
        gate(project).task("gate")
    assert "exceeded quota" in str(raised.value.found)


def allowed_to_make_pods(project: ClusterProject, *, is_so: bool) -> None:
    """Return once the API enforces a change of Airflow's rights."""
    admin = project.at("stages")
    with Api(project.cluster.kubeconfig(AIRFLOW), namespace=admin.namespace) as airflow:
        admin.wait("a change of rights", lambda: airflow.may("create", "pods") is is_so, seconds=60)


def test_a_missing_right_is_reported(project: ClusterProject) -> None:
    """Airflow's account without its Role may create no pod; the error names the account."""
    admin = project.at("stages")
    binding = admin.find("RoleBinding", AIRFLOW)
    assert binding is not None
    admin.delete("RoleBinding", AIRFLOW)
    try:
        allowed_to_make_pods(project, is_so=False)
        with pytest.raises(errors.Denied, match="the cluster does not allow it") as raised:
            gate(project).task("gate")
        assert AIRFLOW in str(raised.value.found)
    finally:
        admin.apply(
            {
                **{name: binding[name] for name in ("roleRef", "subjects")},
                "apiVersion": "rbac.authorization.k8s.io/v1",
                "kind": "RoleBinding",
                "metadata": {"name": AIRFLOW, "namespace": project.at("stages").namespace},
            }
        )
        allowed_to_make_pods(project, is_so=True)
