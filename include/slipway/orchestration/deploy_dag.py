"""`<model>__deploy`: what serves becomes what should serve, one verified step at a time."""

from __future__ import annotations

from datetime import timedelta

from airflow.sdk import DAG, BaseOperator, chain

from slipway.orchestration import assets
from slipway.orchestration.parameters import deploy_parameters
from slipway.orchestration.ring_dag import page, ring_dag
from slipway.orchestration.stage_task import handed_on, stage_task
from slipway.spec import ModelSpec

DOES = """\
1. **reconcile** compares what is served with what should be. If they agree, the run ends here.
2. **verify** boots the candidate in the server that will serve it, and asks it recent rows: its
   answers must equal its own predictions, and differ from the champion's no more than its gates
   saw.
3. **shift_…** gives the candidate that percentage of the requests, waits until it was asked often
   enough, and looks once: shifted, aborted or inconclusive. The last two take it back, and this
   run fails.
4. **switch** moves all the traffic, and reads back what is served.
5. **promote_champion** moves `champion` and `previous`.

To roll back, start it with `to: previous`. A run waits for the one before it, which a step may
hold up for long: `slipway rollback` takes over at once. Whatever fails, the champion goes on
serving."""
LEAST_TIMEOUT = timedelta(hours=2)
BESIDE_WAITING = timedelta(minutes=30)


def deploy_dag(model: ModelSpec) -> DAG:
    """The deployment DAG of one model."""
    name = model.model
    dag = ring_dag(
        f"{name}__deploy",
        cron=model.deployment.cron,
        assets=assets.challenger(name),
        params=deploy_parameters(),
        owner=model.owner,
        tags=[name, model.dataset, "deploy"],
        description=model.description,
        page=page(
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
            inputs={"model": name, "to": "{{ params.to }}"},
            skip_when=["nothing"],
            hand_on=["run"],
        )
        inputs = {"model": name, "rollout": handed_on("reconcile", "run")}
        verify = stage_task(model, "verify", inputs=inputs, fail_when=["refused"])
        steps = [_shift(model, step, inputs) for step in model.deployment.steps]
        switch = stage_task(model, "switch", inputs=inputs, fail_when=["aborted"])
        promote = stage_task(model, "promote_champion", inputs=inputs)
        chain(reconcile, verify, *steps, switch, promote)
    return dag


def _shift(model: ModelSpec, step: int, inputs: dict[str, str]) -> BaseOperator:
    waits = timedelta(minutes=model.deployment.shift.limit_minutes)
    return stage_task(
        model,
        "shift",
        task_id=f"shift_{step}",
        inputs={**inputs, "step": step},
        fail_when=["aborted", "inconclusive"],
        execution_timeout=max(LEAST_TIMEOUT, waits + BESIDE_WAITING),
    )
