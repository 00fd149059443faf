"""`<model>__score`: score partitions of event time whose features changed, one task each."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import DAG, XComArg, get_current_context, task

from slipway.errors import BadParameter
from slipway.orchestration import assets
from slipway.orchestration.dag_defaults import lifecycle_dag
from slipway.orchestration.dag_page import dag_page
from slipway.orchestration.parameters import score_parameters
from slipway.orchestration.stage_task import stage_operator, stage_task
from slipway.orchestration.task_setup import set_up_task
from slipway.spec import ModelSpec

log = logging.getLogger(__name__)

DOES = """\
1. **partitions** lists the {unit}s whose features changed since they were scored, or that were
   not scored since the first rollout. A new champion does not change existing scores. A run that
   you start with `partition`, or `from` and `to`, scores those again, also older ones.
2. **score** replaces a {unit} of the score table in one commit. One task per {unit}.
3. **announce** emits the event that starts the monitor."""

REQUESTED = {
    "partition": "{{ params.partition or '' }}",
    "first": "{{ params['from'] or '' }}",
    "last": "{{ params['to'] or '' }}",
}

AT_ONCE = 1
"""Partitions scored at the same time; each may need the memory of a pod."""


def score_dag(model: ModelSpec) -> DAG:
    """Return the scoring DAG of one batch model."""
    name, batch = model.model, model.deployment.batch
    dag = lifecycle_dag(
        f"{name}__score",
        cron=batch.cron,
        assets=assets.batch(model.dataset),
        params=score_parameters(batch.partition),
        owner=model.owner,
        tags=[name, model.dataset, "score"],
        description=model.description,
        page=dag_page(
            f"Score {name}",
            does=DOES.format(unit=batch.partition),
            description=model.description,
            dataset=model.dataset,
            spec=f"include/models/{name}/model.yaml",
        ),
    )
    with dag:
        listed = stage_task(
            model, "partitions", inputs={"model": name, **REQUESTED}, xcom_keys=["partitions"]
        )
        verdict: Any = listed.output
        due: Any = XComArg(listed, key="partitions")
        taken: Any = partitions_to_score(verdict, due)
        operator, needed = stage_operator(model, "score")
        scored = operator.partial(
            **needed,
            skip_when=["overtaken"],
            max_active_tis_per_dagrun=AT_ONCE,
            map_index_template="{{ task.inputs['partition'] }}",
        ).expand(inputs=taken)
        # Not an outlet of each task: one event per run, and none without partitions.
        announced: Any = announce.override(
            outlets=[assets.scores(name)], trigger_rule="none_failed_min_one_success"
        )()
        scored >> announced
    return dag


@task
def partitions_to_score(
    listed: dict[str, Any], partitions: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the inputs of each partition's task, oldest first, up to the XCom limit.

    Raises:
        BadParameter: A manual run requests more than the limit; no later run would continue it.
    """
    context = get_current_context()
    set_up_task(context)
    waiting = listed["numbers"]["partitions"]
    log.info("this run takes %d of %d partitions", len(partitions), waiting)
    if any(context["params"].values()) and len(partitions) < waiting:
        raise BadParameter(
            "too many partitions for one run",
            expected=f"at most {len(partitions)}",
            found=f"{waiting}",
            hint="start several runs; each waits for the one before it",
        )
    return partitions


@task
def announce() -> None:
    """Emit the event of its outlet."""
    set_up_task(get_current_context())
