"""`<model>__train`: train a challenger for an accepted retrain request."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from airflow.sdk import DAG, chain
from airflow.sdk.definitions.mappedoperator import MappedOperator

from slipway.orchestration import assets
from slipway.orchestration.dag_defaults import lifecycle_dag
from slipway.orchestration.dag_page import dag_page
from slipway.orchestration.parameters import train_parameters
from slipway.orchestration.stage_task import stage_operator, stage_task, xcom_of
from slipway.spec import ModelSpec
from slipway.stages.model.shipped import REFIT, TRAIN
from slipway.stages.train.training_stages import SEARCH, parallel_pods, training_stages

DOES = """\
1. **accept** puts every open request before the retraining policy. A run that you start files a
   request in your name, or answers one that waits (`approve`, `reject`). If none is accepted,
   the run ends, and the log has the reason.
2. **snapshot** pins the version of every table; {search}**train**, **evaluate** and **gate** use
   it.
3. {refit}**promote_challenger** gives the new version the alias `challenger` if its gates hold;
   in a dry run it only records what would have happened.
4. **answer** always runs, and closes the request with the result of the run records."""


REFITS = """\
If its gates hold, **refit** fits the model again to all labelled rows, and refuses what is not
   like the judged model. """

SEARCHES = """\
the workers of **search** share the trials, whose
   best one **train** fits; """

REASON = """\
{%- if dag_run.run_type == 'manual' -%}
{{ params.reason or (dag_run.triggering_user_name or 'an unknown user') ~ ' started it by hand' }}
{%- endif -%}"""
"""Reason of the request that a manual run files; empty for other runs."""

WITHOUT_CHAMPION = "{{ 'yes' if params.without_champion else '' }}"
"""Whether that request leaves a lost champion out of the comparison."""

DRY_RUN = "{{ 'yes' if params.dry_run else '' }}"
"""Whether that request's training changes nothing."""


AFTER_WORKERS = {"trigger_rule": "all_done_min_one_success"}
"""Waits for all workers, of which some may have failed, and for the snapshot, which may not: where
it fails or is skipped, no worker has begun."""


def train_dag(model: ModelSpec) -> DAG:
    """Return the training DAG of one model."""
    name = model.model
    dag = lifecycle_dag(
        f"{name}__train",
        cron=model.retraining.sweep,
        assets=assets.batch(model.dataset) | assets.retrain_request(name),
        params=train_parameters(),
        owner=model.owner,
        tags=[name, model.dataset, "train"],
        description=model.description,
        page=dag_page(
            f"Train {name}",
            does=DOES.format(
                refit=REFITS if REFIT in training_stages(model) else "",
                search=SEARCHES if parallel_pods(model) > 1 else "",
            ),
            description=model.description,
            dataset=model.dataset,
            spec=f"include/models/{name}/model.yaml",
        ),
    )
    with dag:
        accept = stage_task(
            model,
            "accept",
            inputs={
                "model": name,
                "reason": REASON,
                "without_champion": WITHOUT_CHAMPION,
                "dry_run": DRY_RUN,
                "approve": "{{ params.approve or '' }}",
                "reject": "{{ params.reject or '' }}",
            },
            skip_when=["suppress", "wait", "nothing"],
            xcom_keys=["request"],
        )
        inputs = {"model": name, "request": xcom_of("accept", "request")}
        *before, last = training_stages(model)
        searching = parallel_pods(model) > 1
        stages = [
            stage_task(
                model,
                stage,
                inputs=inputs,
                **(AFTER_WORKERS if searching and stage == TRAIN else {}),
            )
            for stage in before
        ]
        promote = stage_task(
            model,
            last,
            inputs=inputs,
            skip_when=["refused", "dry_run"],
            outlets=[assets.challenger(name)],
        )
        answer = stage_task(model, "answer", inputs=inputs, fail_when=["open"])
        # A teardown runs after failures too, so every accepted request is closed, and a failed
        # stage still fails the run.
        chain(accept, *stages, promote)
        if searching:
            snapshot, train = (stages[before.index(one)] for one in ("snapshot", TRAIN))
            snapshot >> workers_of(model, inputs) >> train
        promote >> answer.as_teardown(setups=accept)
    return dag


def workers_of(model: ModelSpec, inputs: Mapping[str, Any]) -> MappedOperator:
    """Return a mapped task for each worker of a search."""
    operator, needed = stage_operator(model, SEARCH)
    workers = range(1, parallel_pods(model) + 1)
    return operator.partial(
        **needed,
        map_index_template="worker {{ task.inputs['worker'] }}",
    ).expand(inputs=[{**inputs, "worker": worker} for worker in workers])
