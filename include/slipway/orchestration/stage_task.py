"""One stage as one Airflow task, in the task's process or in a pod: see the spec's `runtime`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from airflow.sdk import BaseOperator, Context

from slipway.orchestration.rollout_lease import lease_given_back, with_ended_holder
from slipway.orchestration.task_outcome import end_task
from slipway.orchestration.task_setup import set_up_task
from slipway.spec import DatasetSpec, ModelSpec
from slipway.wiring.stage import Stage
from slipway.wiring.stage_table import find_stage

LEAST_TIMEOUT = timedelta(hours=2)
BESIDE_WAITING = timedelta(minutes=30)
"""Time for the work of a stage that also waits for requests."""


class StageTask(BaseOperator):
    """Runs one stage in Airflow's task process.

    Args:
        stage: Name of the stage.
        inputs: Inputs of the stage, as templates.
        skip_when: See `StageOperator`, as for the others.
        fail_when: Actions of a verdict that fail the task.
        xcom_keys: Values that later tasks need.
    """

    template_fields: Sequence[str] = ("inputs",)
    ui_color = "#e6f2f5"

    def __init__(
        self,
        *,
        stage: str,
        inputs: Mapping[str, Any],
        skip_when: Sequence[str] = (),
        fail_when: Sequence[str] = (),
        xcom_keys: Sequence[str] = (),
        **airflow: Any,
    ) -> None:
        super().__init__(do_xcom_push=False, **airflow)
        self.stage = stage
        self.inputs = inputs
        self.skip_when = skip_when
        self.fail_when = fail_when
        self.xcom_keys = xcom_keys

    def execute(self, context: Context) -> None:
        """Run the stage and end the task as its verdict requires."""
        origin = set_up_task(context)
        from slipway import wiring

        inputs = find_stage(self.stage).parse(self.inputs)
        if self.stage == "reconcile":
            inputs = with_ended_holder(inputs, context)
        with lease_given_back(inputs, origin, context):
            end_task(self, context, wiring.run_stage(self.stage, inputs, origin=origin))


def xcom_of(task_id: str, key: str) -> str:
    """Return a template of an XCom of an earlier task.

    Unlike an `XComArg` it adds no edge, so a chain of tasks stays a chain in the graph.
    """
    return f"{{{{ ti.xcom_pull(task_ids='{task_id}', key='{key}') }}}}"


def stage_operator(
    spec: ModelSpec | DatasetSpec, stage: str
) -> tuple[type[BaseOperator], dict[str, Any]]:
    """Return the operator class for a stage of a spec, and its arguments except the inputs."""
    row = find_stage(stage)
    waiting = _waiting(spec, row)
    arguments: dict[str, Any] = {"task_id": stage, "stage": stage}
    if waiting is not None:
        arguments["execution_timeout"] = max(LEAST_TIMEOUT, waiting + BESIDE_WAITING)
    if spec.pods is None or spec.runtime == "local":
        return StageTask, arguments
    # Costs seconds to import, so only specs that run in pods pay for it.
    from slipway.orchestration.pods.operator import StagePod

    pods = spec.pods.model_dump()
    if waiting is not None:
        pods["deadline_seconds"] += int(waiting.total_seconds())
    on_cluster = isinstance(spec, ModelSpec) and spec.deployment.capabilities.needs_cluster_rights
    acts_on_cluster = on_cluster and row.cluster_rights
    return StagePod, {**arguments, "pods": pods, "acts_on_cluster": acts_on_cluster}


def _waiting(spec: ModelSpec | DatasetSpec, row: Stage) -> timedelta | None:
    if row.wait_minutes is None or not isinstance(spec, ModelSpec):
        return None
    return timedelta(minutes=row.wait_minutes(spec))


def stage_task(spec: ModelSpec | DatasetSpec, stage: str, **arguments: Any) -> BaseOperator:
    """Return a task for one stage; `arguments` as for `StageTask`."""
    operator, needed = stage_operator(spec, stage)
    return operator(**{**needed, **arguments})
