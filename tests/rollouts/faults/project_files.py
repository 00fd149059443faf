"""Specs and rows of the project whose model is rolled out with faults."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from slipway.spec import ModelSpec
from slipway.wiring import Container
from tests.kubernetes_double import Cluster
from tests.support import packages
from tests.support.models_on_cluster import (
    MODEL,
    spec_of,
)

STEP = 50


def write_specs(
    project: Path, cluster: Cluster, *, by_route: bool, requests: int, **more: Any
) -> ModelSpec:
    """Write the specs of dataset and model; returns the model's.

    Args:
        project: Folder of the project.
        cluster: Cluster of the model.
        by_route: Whether the cluster's Gateway splits the traffic.
        requests: Number of requests that a step waits for.
        **more: Fields of `deployment.kubernetes`.
    """
    shift = {"steps": [STEP], "max_error_rate": 0.2, "limit_minutes": 2.0}
    spec = spec_of(cluster, by_route=by_route, **{"ready_seconds": 20, **more})
    described = _plain(spec)
    described["gates"]["metrics"]["roc_auc"]["threshold"] = 0.5
    described["deployment"] |= {
        "verify": {"replay_rows": 20, "max_p99_ms": 10_000.0},
        "shift": {**shift, "requests": requests},
    }
    dataset = _plain(packages.dataset(), "expectations")
    dataset["streams"]["labels"]["columns"]["late"]["type"] = "integer"
    files = {"datasets/ferries/dataset.yaml": dataset, f"models/{MODEL}/model.yaml": described}
    for path, text in files.items():
        target = project / "include" / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(yaml.safe_dump(text))
    return ModelSpec.model_validate(described)


def publish_rows(container: Container) -> None:
    """Publish the rows that `verify` replays."""
    ref = RunRef("ferries", "features-a", "ingest")
    container.store.create(f"{ref.folder}/attempt-0001.json", b"{}")
    container.tables.publish(
        "ferries/features",
        [packages.rows(80).drop(columns="late").assign(_delivery=1)],
        batch="a",
        writer="a",
        attempt=Attempt(container.store, ref, 1),
        note={},
    )


def _plain(value: Any, *without: str) -> Any:
    fields = value.model_dump(mode="json", exclude_defaults=True)
    return {name: one for name, one in fields.items() if name not in without}
