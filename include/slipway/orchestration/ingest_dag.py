"""`<dataset>__ingest`: claim the waiting deliveries, ingest them in order, acknowledge them."""

from __future__ import annotations

import logging
from typing import Any

from airflow.sdk import DAG, get_current_context, task
from airflow.sdk.exceptions import AirflowSkipException

from slipway.orchestration import assets
from slipway.orchestration.dag_defaults import lifecycle_dag
from slipway.orchestration.dag_page import dag_page
from slipway.orchestration.parameters import ingest_parameters
from slipway.orchestration.stage_task import stage_operator
from slipway.orchestration.task_setup import set_up_task
from slipway.orchestration.xcom_limit import first_that_fit
from slipway.spec import DatasetSpec

log = logging.getLogger(__name__)

DOES = """\
1. **claim** lists the landing area minus the deliveries in the arrival registry.
2. **ingest** takes one delivery after the other: cast, validate, quarantine, publish in one commit.
   A re-delivered file is skipped; a changed one becomes a new revision; a blocked one fails here,
   and stays where it landed.
3. **acknowledge** always runs. It reads the arrival registry, not the state of the tasks before
   it, to see whether every claimed delivery is handled; after a crash the landing trigger fires
   again. Its one event starts the DAGs that wait for new batches."""


def ingest_dag(dataset: DatasetSpec, *, store_root: str) -> DAG:
    """Return the ingest DAG of one dataset.

    Args:
        dataset: Spec of the dataset.
        store_root: Root of the store, for the landing trigger.
    """
    name = dataset.dataset
    dag = lifecycle_dag(
        f"{name}__ingest",
        cron=dataset.arrival.cron,
        assets=assets.landing(dataset, store_root=store_root),
        params=ingest_parameters(),
        owner="slipway",
        tags=[name, "ingest"],
        description=dataset.description,
        page=dag_page(
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
            skip_when=["duplicate", "superseded"],
            fail_when=["blocked"],
            max_active_tis_per_dagrun=1,
            map_index_template="{{ task.inputs['stream'] }}/{{ task.inputs['batch'] }}",
        ).expand(inputs=claimed)
        acknowledged: Any = acknowledge.override(outlets=[assets.batch(name)])(
            name, claimed=claimed, fingerprint=claimed["fingerprint"]
        )
        # A teardown runs after failures too, and a failed batch still fails the run.
        ingested >> acknowledged.as_teardown(setups=claimed)
    return dag


@task
def claim(dataset: str) -> list[dict[str, Any]]:
    """Return the waiting deliveries in order, and push their fingerprint as an XCom."""
    context = get_current_context()
    set_up_task(context)
    from slipway import wiring

    claimed = wiring.claim(dataset=dataset, batch=context["params"]["batch"])
    context["ti"].xcom_push("fingerprint", claimed["fingerprint"])
    waiting = [
        {"dataset": dataset, **{name: delivery[name] for name in ("stream", "batch", "file")}}
        for delivery in claimed["deliveries"]
    ]
    taken = first_that_fit(waiting)
    log.info("%d deliveries wait; this run takes %d", len(waiting), len(taken))
    for left in claimed.get("undeliverable", []):
        log.warning("cannot be a delivery: %s", left)
    return taken


@task
def acknowledge(dataset: str, *, claimed: list[dict[str, Any]], fingerprint: str) -> None:
    """Acknowledge the claimed deliveries if the registry holds all of them.

    Emits one event for the run and not one per batch, so that the DAGs it starts see features and
    labels that landed together.
    """
    set_up_task(get_current_context())
    from slipway import wiring

    if not wiring.acknowledge(dataset=dataset, fingerprint=fingerprint):
        log.warning("a delivery is not handled yet; the landing trigger fires again")
    if not claimed:
        raise AirflowSkipException("no delivery was waiting")
