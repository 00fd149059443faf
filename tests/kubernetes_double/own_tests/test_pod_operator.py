"""Airflow's own operator, hook and trigger against the double, unmodified."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from airflow.providers.cncf.kubernetes.operators.pod import KubernetesPodOperator
from airflow.providers.cncf.kubernetes.triggers.pod import KubernetesPodTrigger
from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowException, TaskDeferred

from tests.fakes.airflow import FakeInstance, task_context
from tests.kubernetes_double import Cluster

SECURITY = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "runAsNonRoot": True,
    "runAsUser": 10001,
    "seccompProfile": {"type": "RuntimeDefault"},
}
ENDED = "import sys; print('three two one', flush=True); sys.exit({code})"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    """A cluster that Airflow's connection `kubernetes_default` leads to."""
    with Cluster(folder=tmp_path / "cluster", images={"stages:1"}) as cluster:
        connection = cluster.connection("slipway-airflow")
        monkeypatch.setenv("AIRFLOW_CONN_KUBERNETES_DEFAULT", connection)
        yield cluster


def operator(code: int = 0, **changes: Any) -> tuple[KubernetesPodOperator, DAG]:
    """A task whose pod prints a line and ends."""
    with DAG("launch", schedule=None) as dag:
        task = KubernetesPodOperator(
            **{
                "task_id": "count",
                "name": "count",
                "namespace": "slipway",
                "image": "stages:1",
                "cmds": [sys.executable, "-c", ENDED.format(code=code)],
                "container_security_context": SECURITY,
                "service_account_name": "slipway-stages",
                "durable": False,
                "startup_check_interval_seconds": 1,
                **changes,
            }
        )
    return task, dag


class Instance(FakeInstance):
    """A task instance of no Airflow."""

    run_id = "manual__1"
    dag_run: Any = None

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return None


def test_a_pod_runs_and_is_gone_when_it_has_succeeded(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """With no more rights than Airflow's account has, and its output is in the task's log."""
    task, dag = operator()
    task.execute(task_context(dag, instance=Instance()))
    assert "three two one" in capsys.readouterr().out
    assert cluster.pods() == []
    assert {(asked.account, asked.status < 400) for asked in cluster.requests} == {
        ("slipway-airflow", True)
    }


def test_a_pod_that_fails_fails_the_task(cluster: Cluster) -> None:
    """The exit code is in the error, and the pod stays where it is told to."""
    task, dag = operator(3, on_finish_action="keep_pod")
    with pytest.raises(AirflowException, match="exit_code': 3"):
        task.execute(task_context(dag, instance=Instance()))
    (pod,) = cluster.pods()
    assert pod["status"]["phase"] == "Failed"


def test_a_pod_that_is_refused_says_why(cluster: Cluster) -> None:
    """Admission's sentence reaches the task."""
    task, dag = operator(container_security_context=None)
    with pytest.raises(Exception, match=r"violates PodSecurity .*restricted:latest"):
        task.execute(task_context(dag, instance=Instance()))
    assert cluster.pods() == []


def test_a_deferred_task_waits_in_the_triggerer(
    cluster: Cluster, capsys: pytest.CaptureFixture[str]
) -> None:
    """The trigger watches the pod through the other client; the task takes up its end."""
    task, dag = operator(deferrable=True, poll_interval=0.1)
    context = task_context(dag, instance=Instance())
    with pytest.raises(TaskDeferred) as deferred:
        task.execute(context)
    given = json.loads(json.dumps(deferred.value.trigger.serialize()[1], default=str))
    trigger = KubernetesPodTrigger(
        **given | {"trigger_start_time": deferred.value.trigger.trigger_start_time}
    )

    async def event() -> dict[str, Any]:
        async for found in trigger.run():
            payload: dict[str, Any] = found.payload
            return payload
        raise AssertionError

    payload = asyncio.run(event())
    assert payload["status"] == "success", payload
    task.trigger_reentry(context, payload)
    assert "three two one" in capsys.readouterr().out
    assert cluster.pods() == []
