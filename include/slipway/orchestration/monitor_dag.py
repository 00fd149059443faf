"""`<model>__monitor`: measure each window of predictions, then decide on retraining."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import DAG, XComArg, get_current_context, task
from airflow.sdk.definitions.asset import BaseAsset
from airflow.sdk.definitions.mappedoperator import MappedOperator

from slipway.orchestration import assets
from slipway.orchestration.dag_defaults import lifecycle_dag
from slipway.orchestration.dag_page import dag_page
from slipway.orchestration.stage_task import stage_operator, stage_task
from slipway.orchestration.task_setup import set_up_task
from slipway.spec import ModelSpec

log = logging.getLogger(__name__)

DOES = """\
1. **collect** lists the windows of predictions that are not measured yet.
2. **drift** compares inputs and predictions of a window with the champion's reference;
   **performance** measures a window whose labels have matured, **kpis** its business KPIs, and
   **operations** what the servers' metrics tell of it, if the spec asks. One task per window.
3. **decide** reads the newest windows together, and files a retrain request or gives the reason
   against it."""

AT_ONCE = 2
"""Windows measured at the same time; each holds its rows in memory."""


def monitor_dag(model: ModelSpec) -> DAG:
    """Return the monitoring DAG of one model."""
    name = model.model
    measures = ["drift", "performance"]
    measures += ["kpis"] if model.monitoring.kpis else []
    measures += ["operations"] if model.monitoring.operations is not None else []
    dag = lifecycle_dag(
        f"{name}__monitor",
        cron=model.monitoring.cron,
        assets=_starters(model),
        params={},
        owner=model.owner,
        tags=[name, model.dataset, "monitor"],
        description=model.description,
        page=dag_page(
            f"Monitor {name}",
            does=DOES,
            description=model.description,
            dataset=model.dataset,
            spec=f"include/models/{name}/model.yaml",
        ),
    )
    with dag:
        collect = stage_task(model, "collect", inputs={"model": name}, xcom_keys=measures)
        # Runs also without windows: an earlier run may have measured them and failed to decide.
        decide = stage_task(
            model,
            "decide",
            inputs={"model": name},
            skip_when=["nothing"],
            outlets=[assets.retrain_request(name)],
            trigger_rule="none_failed",
        )
        for stage in measures:
            due: Any = XComArg(collect, key=stage)
            windows: Any = windows_for.override(task_id=f"{stage}_windows")(due)
            measured(model, stage, windows) >> decide
    return dag


def _starters(model: ModelSpec) -> BaseAsset:
    batch = assets.batch(model.dataset)
    in_batches = model.deployment.capabilities.scores_in_batches
    return batch | assets.scores(model.model) if in_batches else batch


def measured(model: ModelSpec, stage: str, windows: XComArg) -> MappedOperator:
    """Return a mapped task per window, named after the window."""
    operator, needed = stage_operator(model, stage)
    return operator.partial(
        **needed,
        max_active_tis_per_dagrun=AT_ONCE,
        map_index_template="{{ task.inputs['window'] }}",
    ).expand(inputs=windows)


@task
def windows_for(due: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the inputs of a stage's tasks; the next run lists windows over the XCom limit."""
    set_up_task(get_current_context())
    log.info("this run takes %d windows", len(due))
    return due
