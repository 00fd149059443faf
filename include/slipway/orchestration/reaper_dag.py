"""`slipway__reaper`: delete leftover pods of stages.

A failed pod is kept for a while, for inspection. A pod outlives its task where the triggerer was
down when the task was marked by hand, or where Airflow's database was deleted.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from airflow.sdk import DAG, CronTriggerTimetable, get_current_context, task

from slipway.orchestration.retry_policy import task_defaults
from slipway.orchestration.task_setup import set_up_task
from slipway.spec.pods import Pods

log = logging.getLogger(__name__)

REAPER = "slipway__reaper"
CRON = "17 * * * *"
GONE, CHANGED = 404, 409
PAGE = """\
## Reap pods

Each task handles the stage pods of this installation in one namespace. It deletes

- failed pods, after the time that their spec keeps them (`pods.kept_minutes`);
- pods that succeeded and whose task has not deleted them;
- pods that run past their deadline;
- pods that no task waits for.

It leaves a pod alone while its task watches it. The log names each deleted pod."""


def reaper_dag(pods: Iterable[Pods]) -> DAG:
    """Return the reaper DAG, with a task per namespace of a spec that runs in pods.

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
        description="Deletes leftover pods of stages",
        doc_md=PAGE,
    )
    with dag:
        for connection, namespace in places:
            name = f"reap_{connection}_{namespace}".replace("-", "_").replace(".", "_")
            reap.override(task_id=name)(connection, namespace)
    return dag


@task
def reap(connection: str, namespace: str) -> dict[str, int]:
    """Delete leftover pods; return how many were deleted and how many were left.

    Raises:
        SlipwayError: The cluster does not list or delete pods.
    """
    from airflow.providers.cncf.kubernetes.hooks.kubernetes import KubernetesHook
    from kubernetes.client import ApiException
    from urllib3.exceptions import HTTPError

    from slipway.orchestration.pods.api_errors import api_error

    context = get_current_context()
    set_up_task(context)
    client = KubernetesHook(conn_id=connection).core_v1_client
    try:
        counts = _reap(client, namespace, ask=context["ti"].get_task_states)
    except (ApiException, HTTPError) as error:
        status, body = getattr(error, "status", None), getattr(error, "body", None)
        doing = "delete leftover pods"
        raise api_error(status, body or error, doing=doing, where=namespace) from error
    log.info("%d pods were deleted, %d are left", counts["deleted"], counts["left"])
    return {name: counts[name] for name in ("deleted", "left")}


def _reap(client: Any, namespace: str, *, ask: Any) -> Counter[str]:
    """Delete leftover pods; return counts of `deleted` and `left`.

    Args:
        client: Client of the core API.
        namespace: Namespace of the pods.
        ask: Returns states of tasks: `get_task_states` of Airflow's task instance.
    """
    from slipway.orchestration.pods.reaper import LeftoverPod, reason_to_delete
    from slipway.orchestration.pods.shape import APP, INSTALLATION, STAGE_APP, installation
    from slipway.wiring import Container

    mine = f"{APP}={STAGE_APP},{INSTALLATION}={installation(Container().store.root)}"
    listed = client.list_namespaced_pod(namespace, label_selector=mine).items
    pods = [
        LeftoverPod.from_json(one) for one in client.api_client.sanitize_for_serialization(listed)
    ]
    states = _states({one.origin.get("dag_id", "") for one in pods} - {""}, pods, ask=ask)
    counts: Counter[str] = Counter()
    for pod in pods:
        owner = states.get(_task_of(pod.origin))
        reason = reason_to_delete(pod, owner=owner, now=datetime.now(UTC))
        gone = reason is not None and _delete(client, namespace, pod, reason=reason)
        counts["deleted" if gone else "left"] += 1
    return counts


def _states(dag_ids: Iterable[str], pods: Iterable[Any], *, ask: Any) -> dict[Any, str]:
    """Return the states of the pods' tasks, by DAG, run and task with map index."""
    origins = [one.origin for one in pods]
    found: dict[Any, str] = {}
    for dag_id in sorted(dag_ids):
        runs = sorted({one["run_id"] for one in origins if one.get("dag_id") == dag_id})
        for run_id, tasks in ask(dag_id=dag_id, run_ids=runs).items():
            found |= {(dag_id, run_id, name): state for name, state in tasks.items()}
    return found


def _task_of(origin: Mapping[str, Any]) -> tuple[Any, ...]:
    """Return the key of a task in `get_task_states`; a mapped one has its index in it."""
    index = int(origin.get("map_index", -1))
    name = origin.get("task_id")
    task_id = name if index < 0 else f"{name}_{index}"
    return (origin.get("dag_id"), origin.get("run_id"), task_id)


def _delete(client: Any, namespace: str, pod: Any, *, reason: str) -> bool:
    """Delete a pod unless it changed since it was listed; return whether it was deleted."""
    from kubernetes.client import ApiException, V1DeleteOptions, V1Preconditions

    only = V1Preconditions(uid=pod.uid, resource_version=pod.version)
    try:
        client.delete_namespaced_pod(pod.name, namespace, body=V1DeleteOptions(preconditions=only))
    except ApiException as error:
        if error.status not in {GONE, CHANGED}:
            raise
        log.info("left %s: it changed since it was listed", pod.name)
        return False
    log.info("deleted %s: %s", pod.name, reason)
    return True
