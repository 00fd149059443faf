"""`<model>__deploy`: what serves becomes what should serve, one verified step at a time."""

from __future__ import annotations

from airflow.sdk import DAG

from slipway.orchestration import assets
from slipway.orchestration.parameters import deploy_parameters
from slipway.orchestration.ring import page, ring_dag
from slipway.orchestration.stage_task import handed_on, stage_task
from slipway.spec import ModelSpec

DOES = """\
1. **reconcile** compares what is served with what should be. If they agree, the run ends here.
2. **verify** boots the candidate in the server that will serve it, and asks it real rows.
3. **switch** moves the traffic, and reads back what is served.
4. **promote_champion** moves `champion` and `previous`.

To roll back, start it with `to: previous`. Whatever fails, the champion goes on serving."""


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
        switch = stage_task(model, "switch", inputs=inputs, fail_when=["aborted"])
        promote = stage_task(model, "promote_champion", inputs=inputs)
        reconcile >> verify >> switch >> promote
    return dag
