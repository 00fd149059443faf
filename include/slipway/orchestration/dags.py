"""Specs become DAGs: one per dataset, three per model."""

from __future__ import annotations

from collections.abc import Iterator

from airflow.sdk import DAG

from slipway.orchestration.deploy_dag import deploy_dag
from slipway.orchestration.ingest_dag import ingest_dag
from slipway.orchestration.monitor_dag import monitor_dag
from slipway.orchestration.train_dag import train_dag
from slipway.settings import Settings
from slipway.spec.loading import load_all


def build_dags(settings: Settings, *, starting: str | None = None) -> Iterator[DAG]:
    """The DAGs of every valid spec; a broken one takes no other down.

    Args:
        settings: Where the specs and the store are.
        starting: The DAG that a starting task belongs to. Only the spec that it is built from is
            read then, so that starting a task costs the same however many models there are.
    """
    only = None if starting is None else [subject_of(starting)]
    loaded = load_all(settings.project, only=only)
    for dataset in loaded.datasets.values():
        yield ingest_dag(dataset, store_root=settings.store)
    for model in loaded.models.values():
        yield train_dag(model)
        yield deploy_dag(model)
        yield monitor_dag(model)


def subject_of(dag_id: str) -> str:
    """The dataset or model that a DAG belongs to."""
    return dag_id.rpartition("__")[0]
