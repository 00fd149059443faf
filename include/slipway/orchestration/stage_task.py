"""One stage as one Airflow task: the same stage, wherever the model's `runtime` puts it.

A verdict ends its task in one of three ways: done, skipped (nothing follows), or failed (visible,
and not tried again). The run record in the store is complete before the task ends, so the task's
state is a picture of the verdict and never its only carrier.
"""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Mapping, Sequence
from typing import Any

from airflow.sdk import BaseOperator, Context
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from slipway.errors import Permanent
from slipway.orchestration.airflow_connections import fill_environment
from slipway.orchestration.parameters import refuse_unknown
from slipway.orchestration.task_policies import first_that_fit, refuse_large
from slipway.records.outcomes import Outcome
from slipway.records.run_records import RunRecord
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec, ModelSpec

log = logging.getLogger(__name__)

RECORDED_STAGES = frozenset(
    {
        "snapshot",
        "train",
        "evaluate",
        "gate",
        "promote_challenger",
        "verify",
        "shift",
        "switch",
        "promote_champion",
        "score",
        "drift",
        "performance",
    }
)
"""Stages whose record has a key that is known before they run, so a pod's result is that record.

The others find out what there is to do; what they return is kept for the try of their task.
"""

ROLLOUT_STAGES = frozenset(
    {"reconcile", "verify", "shift", "switch", "promote_champion", "collect"}
)
"""Stages that read or change what serves, so on a cluster their pods need rights on its API."""


class StageTask(BaseOperator):
    """Runs one stage in Airflow's task process.

    Args:
        stage: Its name in `slipway run <stage>`.
        inputs: Its arguments.
        skip_when: Actions after which nothing follows.
        fail_when: Actions that a person shall see as a failure.
        hand_on: What later tasks need: numbers of the verdict, `run`, the record's run, or a
            listing's items, as many as may travel; each is pushed under its own name.
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
        hand_on: Sequence[str] = (),
        **airflow: Any,
    ) -> None:
        super().__init__(do_xcom_push=False, **airflow)
        self.stage = stage
        self.inputs = inputs
        self.skip_when = skip_when
        self.fail_when = fail_when
        self.hand_on = hand_on

    def execute(self, context: Context) -> None:
        """Run the stage and end the task as its verdict says."""
        origin = begin(context)
        from slipway import wiring

        conclude(self, context, wiring.run_stage(self.stage, typed(self.inputs), origin=origin))


def handed_on(task_id: str, name: str) -> str:
    """Template of what an earlier task handed on.

    Unlike an `XComArg` it draws no edge, so a chain of tasks looks like one in the graph.
    """
    return f"{{{{ ti.xcom_pull(task_ids='{task_id}', key='{name}') }}}}"


def typed(inputs: Mapping[str, Any]) -> dict[str, Any]:
    """Inputs as a stage takes them; a template made text of a number, and `""` of nothing."""
    given = {name: value for name, value in inputs.items() if value not in (None, "")}
    return {name: int(value) if name == "request" else value for name, value in given.items()}


def stage_operator(
    spec: ModelSpec | DatasetSpec, stage: str
) -> tuple[type[BaseOperator], dict[str, Any]]:
    """The operator class that runs a stage of a spec, and what it needs besides its inputs."""
    if spec.pods is None or spec.runtime == "local":
        return StageTask, {"task_id": stage, "stage": stage}
    # Costs seconds to import, so only a spec that runs in pods pays for it.
    from slipway.orchestration.pods.operator import StagePod

    pods = spec.pods.model_dump()
    on_cluster = isinstance(spec, ModelSpec) and spec.deployment.capabilities.needs_cluster_rights
    if stage == "shift" and isinstance(spec, ModelSpec):
        # It waits for requests before it begins to do anything.
        pods["deadline_seconds"] += int(spec.deployment.shift.limit_minutes * 60)
    return StagePod, {
        "task_id": stage,
        "stage": stage,
        "pods": pods,
        "acts_on_cluster": on_cluster and stage in ROLLOUT_STAGES,
    }


def stage_task(spec: ModelSpec | DatasetSpec, stage: str, **arguments: Any) -> BaseOperator:
    """A task for one stage; `arguments` as for `StageTask`."""
    operator, needed = stage_operator(spec, stage)
    return operator(**{**needed, **arguments})


def begin(context: Context) -> dict[str, Any]:
    """Settings filled in, parameters checked; who runs this, for the record and the ledger.

    Raises:
        BadParameter: The run was given a parameter that its DAG does not declare.
    """
    fill_environment()
    dag, run = context["dag"], context["dag_run"]
    refuse_unknown(run.conf or {}, declared=dag.params, dag_id=dag.dag_id)
    instance = context["ti"]
    person = getattr(run, "triggering_user_name", None)
    return {
        "dag_id": dag.dag_id,
        "run_id": run.run_id,
        "task_id": instance.task_id,
        "map_index": -1 if instance.map_index is None else instance.map_index,
        "try_number": instance.try_number,
        "by": person or str(getattr(run.run_type, "value", run.run_type)),
        "host": socket.gethostname(),
        "pid": os.getpid(),
    }


def conclude(task: Any, context: Context, outcome: Outcome) -> None:
    """Log a verdict, hand it on, and end its task as `skip_when` and `fail_when` say.

    Args:
        task: A `StageTask` or a `StagePod`.
        context: Of the task.
        outcome: What the stage decided; already in the store.

    Raises:
        AirflowSkipException: Nothing follows from it.
        AirflowFailException: A person shall see it as a failure.
    """
    verdict = outcome if isinstance(outcome, Verdict) else outcome.verdict
    _tell(task.stage, verdict)
    value = verdict.to_json()
    refuse_large(value, what=f"the verdict of {task.stage}")
    context["ti"].xcom_push("return_value", value)
    ending = f"{verdict.action}: {verdict.reason}"
    if verdict.action in task.skip_when:
        raise AirflowSkipException(ending)
    if verdict.action in task.fail_when:
        raise AirflowFailException(ending)
    for name in task.hand_on:
        context["ti"].xcom_push(name, _fact(task.stage, outcome, name))
    for asset in task.outlets:
        event = {key: value[key] for key in ("action", "reason", "numbers")}
        context["outlet_events"][asset].extra = event


def _fact(stage: str, outcome: Outcome, name: str) -> Any:
    facts = _facts(outcome)
    if name not in facts:
        raise Permanent(
            f"{stage} does not say the {name} that later stages need",
            expected=f"{name!r} among what it says",
            found=", ".join(sorted(facts)) or "nothing",
        )
    return facts[name]


def _facts(outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Verdict):
        return dict(outcome.numbers)
    if isinstance(outcome, RunRecord):
        return {**outcome.verdict.numbers, "run": outcome.ref.run}
    return {name: first_that_fit(items) for name, items in outcome.items.items()}


def _tell(stage: str, verdict: Verdict) -> None:
    log.info("%s: %s. %s", stage, verdict.action, verdict.reason)
    for title, values in (("number", verdict.numbers), ("evidence", verdict.evidence)):
        for name, value in values.items():
            log.info("  %s %s = %s", title, name, value)
