"""`<dataset>__ingest`: claim what waits, ingest it in order, acknowledge what was handled."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from slipway.orchestration import assets
from slipway.orchestration.parameters import ingest_parameters
from slipway.orchestration.ring_dag import page, ring_dag
from slipway.orchestration.stage_task import begin, stage_operator
from slipway.orchestration.task_policies import first_that_fit
from slipway.spec import DatasetSpec

log = logging.getLogger(__name__)

DOES = """\
1. **claim** lists the landing area minus what the arrival registry already holds.
2. **ingest** takes one delivery after the other: cast, validate, quarantine, publish in one commit.
   A re-delivered file is skipped; a changed one becomes a new revision; a blocked one fails here,
   and stays where it landed.
3. **acknowledge** runs whatever happened. It asks the registry, not the tasks before it, whether
   all that was claimed is handled; if a task crashed, the bell goes on ringing. Its one event
   starts whoever waits for new batches."""


def ingest_dag(dataset: DatasetSpec, *, store_root: str) -> DAG:
    """The ingest DAG of one dataset.

    Args:
        dataset: Its spec.
        store_root: Where its bell looks.
    """
    name = dataset.dataset
    dag = ring_dag(
        f"{name}__ingest",
        cron=dataset.arrival.cron,
        assets=assets.landing(dataset, store_root=store_root),
        params=ingest_parameters(),
        owner="slipway",
        tags=[name, "ingest"],
        description=dataset.description,
        page=page(
            f"Ingest {name}",
            does=DOES,
            description=dataset.description,
            dataset=name,
            spec=f"include/datasets/{name}/dataset.yaml",
        ),
    )
    with dag:
        claimed: Any = claim(name)
        operator, needed = stage_operator(dataset, "ingest")
        ingested = operator.partial(
            **needed,
            skip_when=["duplicate"],
            fail_when=["blocked"],
            max_active_tis_per_dagrun=1,
            map_index_template="{{ task.inputs['stream'] }}/{{ task.inputs['batch'] }}",
        ).expand(inputs=claimed)
        acknowledged: Any = acknowledge.override(outlets=[assets.batch(name)])(
            name, claimed=claimed, fingerprint=claimed["fingerprint"]
        )
        # A teardown: it runs whatever became of its setup's work, and a failed batch still
        # makes the run red.
        ingested >> acknowledged.as_teardown(setups=claimed)
    return dag


@task
def claim(dataset: str) -> list[dict[str, Any]]:
    """Deliveries that wait, in order; their fingerprint is pushed beside them."""
    context = get_current_context()
    begin(context)
    from slipway import wiring

    claimed = wiring.claim(dataset=dataset, batch=context["params"]["batch"])
    context["ti"].xcom_push("fingerprint", claimed["fingerprint"])
    waiting = [
        {"dataset": dataset, **{name: delivery[name] for name in ("stream", "batch", "file")}}
        for delivery in claimed["deliveries"]
    ]
    taken = first_that_fit(waiting)
    log.info("%d deliveries wait; this run takes %d", len(waiting), len(taken))
    return taken


@task
def acknowledge(dataset: str, *, claimed: list[dict[str, Any]], fingerprint: str) -> None:
    """Acknowledge what was claimed, if the registry holds all of it; one event for the whole run.

    One event, and not one for each batch: what it starts shall see features and labels that
    landed together.
    """
    begin(get_current_context())
    from slipway import wiring

    if not wiring.acknowledge(dataset=dataset, fingerprint=fingerprint):
        log.warning("something that had landed is not handled yet; the bell goes on ringing")
    if not claimed:
        raise AirflowSkipException("nothing was waiting")
