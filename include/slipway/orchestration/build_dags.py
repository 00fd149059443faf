"""Build the DAGs of specs: one per dataset, three or four per model, and the reaper."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from functools import partial

from airflow.sdk import DAG

from slipway.orchestration.deploy_dag import deploy_dag
from slipway.orchestration.ingest_dag import ingest_dag
from slipway.orchestration.monitor_dag import monitor_dag
from slipway.orchestration.reaper_dag import REAPER, reaper_dag
from slipway.orchestration.score_dag import score_dag
from slipway.orchestration.train_dag import train_dag
from slipway.settings import Settings
from slipway.spec import DatasetSpec, ModelSpec
from slipway.spec.loading import Loaded, load_all

logger = logging.getLogger(__name__)

MODEL_DAGS = {"train": train_dag, "deploy": deploy_dag, "monitor": monitor_dag}


def build_dags(settings: Settings, *, starting: str | None = None) -> Iterator[DAG]:
    """Yield the DAGs of every valid spec; a broken spec affects no other.

    A DAG that cannot be built is logged and left out, unless its own task is starting.

    Args:
        settings: Settings, for the folder of specs and the store.
        starting: DAG of a starting task: only this DAG is built, and only its specs are read, so
            that the start of a task costs the same with many models.
    """
    # The reaper belongs to no single spec: it covers all that run in pods.
    only = None if starting in (None, REAPER) else str(starting).rpartition("__")[0]
    loaded = load_all(settings.project, only=only)
    for dag_id, build in _plans(loaded, store_root=settings.store).items():
        if starting not in (None, dag_id):
            continue
        try:
            dag = build()
        except Exception:
            if starting is not None:
                raise
            logger.exception("the DAG %s cannot be built from its spec", dag_id)
        else:
            yield dag


def _plans(loaded: Loaded, *, store_root: str) -> dict[str, Callable[[], DAG]]:
    ingest = {
        f"{name}__ingest": partial(ingest_dag, dataset, store_root=store_root)
        for name, dataset in loaded.datasets.items()
    }
    of_models = {
        f"{name}__{activity}": partial(build, model)
        for name, model in loaded.models.items()
        for activity, build in MODEL_DAGS.items()
    }
    of_batch_models = {
        f"{name}__score": partial(score_dag, model)
        for name, model in loaded.models.items()
        if model.deployment.capabilities.scores_in_batches
    }
    specs: list[DatasetSpec | ModelSpec] = [*loaded.datasets.values(), *loaded.models.values()]
    pods = [spec.pods for spec in specs if spec.runtime == "kubernetes" and spec.pods is not None]
    of_pods = {REAPER: partial(reaper_dag, pods)} if pods else {}
    return {**ingest, **of_models, **of_batch_models, **of_pods}
