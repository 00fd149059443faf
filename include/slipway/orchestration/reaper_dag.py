"""`slipway__reaper`: deletes the pods that stages left behind.

A failed pod is kept for a while, to be looked at. A pod outlives its task where the triggerer was
away when somebody marked the task, or where Airflow's database was deleted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from slipway.orchestration.stage_task import begin
from slipway.orchestration.task_policies import task_defaults
from slipway.spec.pods import Pods

log = logging.getLogger(__name__)

REAPER = "slipway__reaper"
CRON = "17 * * * *"
GONE, CHANGED = 404, 409
PAGE = """\
## Reap pods

Each task looks at the pods of this installation's stages in one namespace. It deletes

- one that has ended, once it was kept as long as its spec says (`pods.kept_minutes`);
- one that runs for longer than its deadline;
- one that no task waits for.

It leaves every pod alone whose task still looks after it, and says what it did in its log."""


def reaper_dag(pods: Iterable[Pods]) -> DAG:
    """The reaper of every namespace that some spec's stages run in.

    Args:
        pods: The `pods` sections of all specs that run in pods; at least one.
    """
    places = sorted({(one.connection, one.namespace) for one in pods})
    dag = DAG(
        REAPER,
        schedule=CronTriggerTimetable(CRON, timezone="UTC"),
        catchup=False,
        max_active_runs=1,
        default_args=task_defaults("slipway"),
        tags=["slipway"],
        description="Deletes the pods that stages left behind",
        doc_md=PAGE,
    )
    with dag:
        for connection, namespace in places:
            name = f"reap_{connection}_{namespace}".replace("-", "_").replace(".", "_")
            reap.override(task_id=name)(connection, namespace)
    return dag


@task
def reap(connection: str, namespace: str) -> dict[str, int]:
    """How many pods were deleted, and how many were left.

    Raises:
        SlipwayError: The cluster does not list or delete pods.
    """
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    from slipway.orchestration.pods.api_errors import answered

    context = get_current_context()
    begin(context)
    client = KubernetesHook(conn_id=connection).core_v1_client
    try:
        counts = _reap(client, namespace, ask=context["ti"].get_task_states)
    except (ApiException, HTTPError) as error:
        status, body = getattr(error, "status", None), getattr(error, "body", None)
        doing = "delete what stages left behind"
        raise answered(status, body or error, doing=doing, where=namespace) from error
    log.info("%d pods were deleted, %d are left", counts["deleted"], counts["left"])
    return {name: counts[name] for name in ("deleted", "left")}


def _reap(client: Any, namespace: str, *, ask: Any) -> Counter[str]:
    """Delete what may go; what became of all.

    Args:
        client: Kubernetes' own, of the core API.
        namespace: Where to look.
        ask: Tells states of tasks, as Airflow's task instance does.
    """
    from slipway.orchestration.pods.reaper import LeftPod, why_it_may_go
    from slipway.orchestration.pods.shape import APP, INSTALLATION, STAGE_APP, installation
    from slipway.wiring import Container

    mine = f"{APP}={STAGE_APP},{INSTALLATION}={installation(Container().store.root)}"
    listed = client.list_namespaced_pod(namespace, label_selector=mine).items
    pods = [LeftPod.from_json(one) for one in client.api_client.sanitize_for_serialization(listed)]
    states = _states({one.origin.get("dag_id", "") for one in pods} - {""}, pods, ask=ask)
    counts: Counter[str] = Counter()
    for pod in pods:
        owner = states.get(_task_of(pod.origin))
        reason = why_it_may_go(pod, owner=owner, now=datetime.now(UTC))
        gone = reason is not None and _delete(client, namespace, pod, reason=reason)
        counts["deleted" if gone else "left"] += 1
    return counts


def _states(dag_ids: Iterable[str], pods: Iterable[Any], *, ask: Any) -> dict[Any, str]:
    """States of the tasks that started the pods, by DAG, run and task with its map index."""
    origins = [one.origin for one in pods]
    found: dict[Any, str] = {}
    for dag_id in sorted(dag_ids):
        runs = sorted({one["run_id"] for one in origins if one.get("dag_id") == dag_id})
        for run_id, tasks in ask(dag_id=dag_id, run_ids=runs).items():
            found |= {(dag_id, run_id, name): state for name, state in tasks.items()}
    return found


def _task_of(origin: Mapping[str, Any]) -> tuple[Any, ...]:
    """A task as Airflow's answers name it: a mapped one by its index as well."""
    index = int(origin.get("map_index", -1))
    name = origin.get("task_id")
    task_id = name if index < 0 else f"{name}_{index}"
    return (origin.get("dag_id"), origin.get("run_id"), task_id)


def _delete(client: Any, namespace: str, pod: Any, *, reason: str) -> bool:
    """Delete a pod if it is still the one that was looked at; whether it went."""
    from kubernetes.client import ApiException, V1DeleteOptions, V1Preconditions

    only = V1Preconditions(uid=pod.uid, resource_version=pod.version)
    try:
        client.delete_namespaced_pod(pod.name, namespace, body=V1DeleteOptions(preconditions=only))
    except ApiException as error:
        if error.status not in {GONE, CHANGED}:
            raise
        log.info("left %s: it changed meanwhile", pod.name)
        return False
    log.info("deleted %s: %s", pod.name, reason)
    return True
