"""`<model>__deploy`: roll out a version in verified steps."""

from __future__ import annotations

from airflow.sdk import DAG, BaseOperator, chain

from slipway.orchestration import assets
from slipway.orchestration.dag_defaults import lifecycle_dag
from slipway.orchestration.dag_page import dag_page
from slipway.orchestration.parameters import deploy_parameters
from slipway.orchestration.stage_task import stage_task, xcom_of
from slipway.spec import ModelSpec

DOES = """\
1. **reconcile** compares the served version with the desired one. If they agree, the run ends.
2. **verify** boots the candidate in the server that will serve it, and sends it recent rows: its
   answers must equal its own predictions, and may differ from the champion's no more than in its
   gates.
3. **shift_…** routes that percentage of the requests to the candidate, waits for enough requests,
   and analyses the canary: shifted, aborted or inconclusive. The last two return the traffic
   to the champion and fail this run.
4. **switch** moves all traffic, and reads back what is served.
5. **promote_champion** moves the aliases `champion` and `previous`.

To roll back, start the DAG with `to: previous`, or give the command `slipway rollback`: it takes
over a rollout that has not moved all traffic yet, whose run then fails. Of several rollbacks that
are asked for while a canary shares the traffic, all mean the canary. While another rollout is in
progress, the sweep is skipped, and a run with a version's number waits for it; the log of
**reconcile**, `slipway status` and `slipway why` say for which. Whatever fails, the champion keeps
serving."""

RUNS_AT_ONCE = 4
"""The model's lease lets one of them change the traffic; a rollback must not queue behind it."""


def deploy_dag(model: ModelSpec) -> DAG:
    """Return the deployment DAG of one model."""
    name = model.model
    dag = lifecycle_dag(
        f"{name}__deploy",
        cron=model.deployment.cron,
        assets=assets.challenger(name),
        params=deploy_parameters(),
        runs_at_once=RUNS_AT_ONCE,
        owner=model.owner,
        tags=[name, model.dataset, "deploy"],
        description=model.description,
        page=dag_page(
            f"Deploy {name}",
            does=DOES,
            description=model.description,
            dataset=model.dataset,
            spec=f"include/models/{name}/model.yaml",
        ),
    )
    with dag:
        reconcile = stage_task(
            model,
            "reconcile",
            inputs={
                "model": name,
                "to": "{{ params.to }}",
                "asked_at": "{{ dag_run.run_after }}",
                # Filled in when the task starts: see rollout_lease.
                "ended": "",
            },
            skip_when=["nothing"],
            xcom_keys=["run"],
        )
        inputs = {"model": name, "rollout": xcom_of("reconcile", "run")}
        verify = stage_task(model, "verify", inputs=inputs, fail_when=["refused"])
        steps = [_shift(model, step, inputs) for step in model.deployment.steps]
        switch = stage_task(model, "switch", inputs=inputs, fail_when=["aborted"])
        promote = stage_task(model, "promote_champion", inputs=inputs)
        chain(reconcile, verify, *steps, switch, promote)
    return dag


def _shift(model: ModelSpec, step: int, inputs: dict[str, str]) -> BaseOperator:
    return stage_task(
        model,
        "shift",
        task_id=f"shift_{step}",
        inputs={**inputs, "step": step},
        fail_when=["aborted", "inconclusive"],
    )
