"""The house of the suite: daily ferry crossings, whose model runs wholly on the cluster."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import pytest
import yaml

from slipway.records.store import Store
from slipway.settings import Settings
from slipway.spec import DatasetSpec, ModelSpec
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.wiring import Container
from tests.e2e import ferries
from tests.integration import manifests
from tests.integration.api import Manifest
from tests.integration.environment import AIRFLOW, Ground, inside
from tests.integration.manifests import MLFLOW, MLFLOW_PORT, STORE, STORE_PORT

DATASET, MODEL, ENTRY = "ferries", "ferry_delay", "ferry-delay"
IDLE_MODEL = "idle_delay"
"""One more, which is never trained: its single stages are tried."""

COLUMNS = [("wind_knots", "number", False), ("cars", "number", False), ("pier", "string", False)]
CPU, MEMORY = "1", "2Gi"


@dataclass
class House:
    """What the tests share: a ground, what is laid out on it, and how this process reaches it.

    Attributes:
        ground: The cluster.
        project: Folder of the specs.
        files: Text of each of them, by its path below the project.
        environ: What an Airflow's process has in its environment.
    """

    ground: Ground
    project: Path
    files: Mapping[str, str]
    environ: Mapping[str, str]

    @property
    def dataset(self) -> DatasetSpec:
        """Of the crossings."""
        return self.container.dataset(DATASET)

    def model(self, name: str = MODEL) -> ModelSpec:
        """Of the delays."""
        return self.container.model(name)

    @property
    def store(self) -> Store:
        """That pods share with this process."""
        return self.container.store

    @property
    def container(self) -> Container:
        """As an Airflow's process has it, which is told nothing of MLflow."""
        return Container()

    def wait_for(self, deployment: str) -> None:
        """Return once a Deployment is available."""
        admin = self.ground.admin

        def available() -> bool:
            found = admin.find("Deployment", deployment) or {}
            return bool((found.get("status") or {}).get("availableReplicas"))

        admin.wait(f"{deployment} is available", available, seconds=self.ground.patience_s)

    def start_mlflow(self) -> None:
        """Return once MLflow answers; whoever needs none does not wait for one."""
        admin, namespace = self.ground.admin, self.ground.namespace
        # It answers to no other Host; here it may be asked by its address.
        address = inside(self.ground, MLFLOW, MLFLOW_PORT).removeprefix("http://")
        admin.apply(manifests.allowed_hosts(namespace, address))
        for manifest in manifests.foundation(namespace, image=self.ground.image):
            if _is_mlflow(manifest):
                admin.apply(manifest)
        self.wait_for(MLFLOW)

    def land(self) -> None:
        """Deliver two days' features as one batch, and their labels as another."""
        rows = pd.concat([ferries.day(number) for number in range(2)])
        parquet = BytesIO()
        rows.drop(columns="late").to_parquet(parquet, index=False)
        labels = rows[["crossing", "late"]].to_csv(index=False)
        landing = f"landing/{DATASET}"
        self.store.write(f"{landing}/features/first.parquet", parquet.getvalue())
        self.store.write(f"{landing}/labels/first.csv", labels.encode())

    def question(self) -> dict[str, Any]:
        """A request about one crossing."""
        rows = ferries.day(1).head(1)
        return encode_rows(rows, COLUMNS, key="crossing", event_time="departs")

    def alias(self, name: str) -> int | None:
        """The version that bears an alias in MLflow's registry."""
        knowing = Settings(mlflow=self.ground.here(MLFLOW, MLFLOW_PORT))
        found = Container(knowing).registry.alias(MODEL, name)
        return None if found is None else found.version


@contextmanager
def opened(ground: Ground, folder: Path) -> Iterator[House]:
    """The house on a ground, with a store that answers, and without MLflow.

    Args:
        ground: The cluster.
        folder: For the specs.
    """
    admin = ground.admin
    for manifest in manifests.foundation(ground.namespace, image=ground.image):
        if not _is_mlflow(manifest):
            admin.apply(manifest)
    by_cilium = admin.has("CiliumNetworkPolicy")
    ports = admin.own_ports()
    for manifest in manifests.to_api_server(ground.namespace, ports=ports, by_cilium=by_cilium):
        admin.apply(manifest)
    files = specs(ground)
    store = inside(ground, STORE, STORE_PORT)
    for manifest in manifests.settings(ground.namespace, store_url=store, project=files):
        admin.apply(manifest)
    if ground.gateway is not None:
        admin.apply(manifests.clients_to_gateway(ground.namespace, ground.gateway["namespace"]))
    for path, text in files.items():
        ferries.write(folder / path, text)
    house = House(ground, folder, files, {})
    house.wait_for(STORE)
    here = ground.here(STORE, STORE_PORT)
    admin.wait("a bucket", lambda: _made(f"{here}/{manifests.BUCKET}"), seconds=60)
    house.environ = {
        "SLIPWAY_PROJECT": str(folder),
        "SLIPWAY_STORE": manifests.ROOT,
        "SLIPWAY_SCRATCH": str(folder / "scratch"),
        "AWS_ENDPOINT_URL": here,
        "AWS_ACCESS_KEY_ID": manifests.KEY,
        "AWS_SECRET_ACCESS_KEY": manifests.SECRET,
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": connection(ground, AIRFLOW),
        **manifests.CLIENTS,
    }
    yield house


@contextmanager
def lived_in(house: House) -> Iterator[None]:
    """While it is entered, this process is one of the house's Airflow.

    It is given no address of MLflow: tasks hand theirs on to pods, which have one of their own.
    """
    from slipway.orchestration import task_setup

    with pytest.MonkeyPatch.context() as patch:
        for name, value in house.environ.items():
            patch.setenv(name, value)
        patch.setattr(task_setup, "fill_environment", lambda: None)
        assert "SLIPWAY_MLFLOW" not in os.environ
        yield


def _is_mlflow(manifest: Manifest) -> bool:
    return (manifest["kind"], manifest["metadata"]["name"]) == ("Deployment", MLFLOW)


def _made(bucket: str) -> bool:
    try:
        return httpx.put(bucket, timeout=10, trust_env=False).is_success
    except httpx.TransportError:
        # A Service follows its pods with a small lag.
        return False


def connection(ground: Ground, account: str) -> str:
    """An Airflow connection of a service account, as an `AIRFLOW_CONN_…` variable holds it."""
    import json

    config = ground.kubeconfig(account).read_text()
    extra = {"kube_config": config, "namespace": ground.namespace}
    return json.dumps({"conn_type": "kubernetes", "extra": extra})


def specs(ground: Ground) -> dict[str, str]:
    """Text of each spec file, by its path below the project."""
    pods = {
        "image": ground.image,
        "namespace": ground.namespace,
        "resources": {"cpu": CPU, "memory": MEMORY},
    }
    inside_pods = {"runtime": "kubernetes", "pods": pods}
    cluster = {
        "image": ground.image,
        "namespace": ground.namespace,
        "replicas": 1,
        # Each node pulls the image first, and it is large.
        "ready_seconds": 270,
        "resources": {"cpu": "100m", "memory": "512Mi"},
    }
    if ground.gateway is not None:
        cluster["gateway"] = dict(ground.gateway)
    dataset = {**yaml.safe_load(ferries.DATASET), **inside_pods}
    model = {**yaml.safe_load(ferries.MODEL), **inside_pods}
    model["deployment"] = {
        "target": "kubernetes",
        "verify": {"replay_rows": 20, "max_p99_ms": 5000.0},
        "shift": {"steps": [50], "requests": 30, "max_error_rate": 0.1, "limit_minutes": 5.0},
        "kubernetes": cluster,
    }
    # Trained again on what it has learnt from already, it can be no better.
    model["gates"]["metrics"]["roc_auc"]["min_absolute_change"] = -0.05
    return {
        f"include/datasets/{DATASET}/dataset.yaml": yaml.safe_dump(dataset),
        f"include/datasets/{DATASET}/expectations.yaml": ferries.EXPECTATIONS,
        **{
            f"include/models/{name}/model.yaml": yaml.safe_dump({**model, "model": name})
            for name in (MODEL, IDLE_MODEL)
        },
    }
