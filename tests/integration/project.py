"""The project of the suite: daily ferry crossings, trained and served on the cluster."""

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
from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.v2_encode import encode_rows
from slipway.wiring import Container
from tests.e2e import ferry_project
from tests.integration import manifests
from tests.integration.api import Api, Manifest
from tests.integration.manifests import MLFLOW, MLFLOW_PORT, STORE, STORE_PORT
from tests.integration.suite_cluster import AIRFLOW, SuiteCluster, inside, namespace_of

DATASET, MODEL, ENTRY = "ferries", "ferry_delay", "ferry-delay"
IDLE_MODEL = "idle_delay"
"""A second model, of which only single stages run."""

COLUMNS = [
    RawColumn("wind_knots", "number", required=False),
    RawColumn("cars", "number", required=False),
    RawColumn("pier", "string", required=False),
]
CPU, MEMORY = "1", "2Gi"
KEY = ["crossing", "pier"]
"""Columns of the key together; the model learns from one of them as well."""

CALENDAR = {"year": "sails_in", "month": "sails_month", "day": "sails_day"}
SAILS = {**CALENDAR, "time": "sails_at", "time_format": "%H%M", "timezone": "Europe/Oslo"}
"""The event time, in four columns of local time."""


@dataclass
class ClusterProject:
    """The deployed project and the way to it from this process.

    Attributes:
        cluster: The cluster that it is deployed on.
        folder: Holds the specs.
        files: Text of each spec, by its path below the project.
        environ: Environment variables of an Airflow process.
    """

    cluster: SuiteCluster
    folder: Path
    files: Mapping[str, str]
    environ: Mapping[str, str]

    @property
    def dataset(self) -> DatasetSpec:
        """Spec of the crossings."""
        return self.container.dataset(DATASET)

    def at(self, part: str) -> Api:
        """The administrator's client for a namespace: `control`, `stages`, `serving`, `clients`."""
        return self.cluster.admin.at(namespace_of(self.cluster.namespace, part))

    def model(self, name: str = MODEL) -> ModelSpec:
        """Spec of the delays."""
        return self.container.model(name)

    @property
    def store(self) -> Store:
        """The store that pods share with this process."""
        return self.container.store

    @property
    def container(self) -> Container:
        """The container of an Airflow process, without an address of MLflow."""
        return Container()

    def wait_for(self, deployment: str) -> None:
        """Return once a Deployment is available."""
        admin = self.cluster.admin

        def available() -> bool:
            found = admin.find("Deployment", deployment) or {}
            return bool((found.get("status") or {}).get("availableReplicas"))

        admin.wait(f"{deployment} is available", available, seconds=self.cluster.patience_s)

    def start_mlflow(self) -> None:
        """Deploy MLflow and return once it answers."""
        admin, namespace = self.cluster.admin, self.cluster.namespace
        # MLflow refuses other Host headers; here its address is one.
        address = inside(self.cluster, MLFLOW, MLFLOW_PORT).removeprefix("http://")
        admin.apply(manifests.allowed_hosts(namespace, address))
        for manifest in manifests.foundation(namespace, image=self.cluster.image):
            if _is_mlflow(manifest):
                admin.apply(manifest)
        self.wait_for(MLFLOW)

    def land(self) -> None:
        """Deliver two days' features as one batch, and their labels as another."""
        rows = pd.concat([crossings(number) for number in range(2)])
        parquet = BytesIO()
        rows.drop(columns="late").to_parquet(parquet, index=False)
        labels = rows[[*KEY, "late"]].to_csv(index=False)
        landing = f"landing/{DATASET}"
        self.store.write(f"{landing}/features/first.parquet", parquet.getvalue())
        self.store.write(f"{landing}/labels/first.csv", labels.encode())

    def question(self) -> dict[str, Any]:
        """A request about one crossing."""
        return encode_rows(crossings(1).head(1), COLUMNS, identity=self.dataset.identity)

    def alias(self, name: str) -> int | None:
        """The version of an alias in MLflow's registry."""
        knowing = Settings(mlflow=self.cluster.here(MLFLOW, MLFLOW_PORT))
        found = Container(knowing).registry.alias(MODEL, name)
        return None if found is None else found.version


def crossings(number: int) -> pd.DataFrame:
    """A day's crossings, whose key and event time stand in several columns."""
    rows = ferry_project.day(number)
    departs = rows.pop("departs").dt.tz_convert(SAILS["timezone"])
    clock = departs.dt.strftime(SAILS["time_format"])
    days = {column: getattr(departs.dt, part) for part, column in CALENDAR.items()}
    return rows.assign(**days, sails_at=clock)


@contextmanager
def deploy_project(cluster: SuiteCluster, folder: Path) -> Iterator[ClusterProject]:
    """Deploy the project with a ready store and without MLflow.

    Args:
        cluster: The cluster.
        folder: Holds the specs.
    """
    admin = cluster.admin
    for manifest in manifests.foundation(cluster.namespace, image=cluster.image):
        if not _is_mlflow(manifest):
            admin.apply(manifest)
    by_cilium, known = admin.has("CiliumNetworkPolicy"), admin.own_addresses()
    for manifest in manifests.to_api_server(cluster.namespace, known=known, by_cilium=by_cilium):
        admin.apply(manifest)
    files = specs(cluster)
    store = inside(cluster, STORE, STORE_PORT)
    for manifest in manifests.settings(cluster.namespace, store_url=store, project=files):
        admin.apply(manifest)
    for path, text in files.items():
        ferry_project.write(folder / path, text)
    project = ClusterProject(cluster, folder, files, {})
    project.wait_for(STORE)
    here = cluster.here(STORE, STORE_PORT)
    admin.wait("a bucket", lambda: _made(f"{here}/{manifests.BUCKET}"), seconds=60)
    project.environ = {
        "SLIPWAY_PROJECT": str(folder),
        "SLIPWAY_STORE": manifests.ROOT,
        "SLIPWAY_SCRATCH": str(folder / "scratch"),
        "AWS_ENDPOINT_URL": here,
        "AWS_ACCESS_KEY_ID": manifests.KEY,
        "AWS_SECRET_ACCESS_KEY": manifests.SECRET,
        "AIRFLOW_CONN_KUBERNETES_DEFAULT": connection(cluster, AIRFLOW),
        **manifests.CLIENTS,
    }
    yield project


@contextmanager
def airflow_environment(project: ClusterProject) -> Iterator[None]:
    """Let this process be one of the project's Airflow.

    It has no address of MLflow: tasks pass theirs to pods, which have another one.
    """
    from slipway.orchestration import task_setup

    with pytest.MonkeyPatch.context() as patch:
        for name, value in project.environ.items():
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
        # A Service follows its pods with a short delay.
        return False


def connection(cluster: SuiteCluster, account: str) -> str:
    """An Airflow connection of a service account, as an `AIRFLOW_CONN_…` variable holds it."""
    import json

    config = cluster.kubeconfig(account).read_text()
    extra = {"kube_config": config, "namespace": namespace_of(cluster.namespace, "stages")}
    return json.dumps({"conn_type": "kubernetes", "extra": extra})


def specs(cluster: SuiteCluster) -> dict[str, str]:
    """Text of each spec file, by its path below the project."""
    pods = {
        "image": cluster.image,
        "namespace": namespace_of(cluster.namespace, "stages"),
        "resources": {"cpu": CPU, "memory": MEMORY},
    }
    inside_pods = {"runtime": "kubernetes", "pods": pods}
    target = {
        "image": cluster.image,
        "namespace": namespace_of(cluster.namespace, "serving"),
        "replicas": 1,
        # Each node pulls the image first, and it is large.
        "ready_seconds": 270,
        "resources": {"cpu": "100m", "memory": "512Mi"},
    }
    if cluster.gateway is not None:
        target["gateway"] = dict(cluster.gateway)
    dataset = {**yaml.safe_load(ferry_project.DATASET), **inside_pods}
    dataset |= {"key": KEY, "event_time": SAILS}
    features, labels = (dataset["streams"][name]["columns"] for name in ("features", "labels"))
    del features["departs"]
    features |= {name: {"type": "integer", "nullable": False} for name in CALENDAR.values()}
    features["sails_at"] = {"type": "string", "nullable": False}
    labels["pier"] = {"type": "string", "nullable": False}
    model = {**yaml.safe_load(ferry_project.MODEL), **inside_pods}
    model["deployment"] = {
        "target": "kubernetes",
        "verify": {"replay_rows": 20, "max_p99_ms": 5000.0},
        "shift": {"steps": [50], "requests": 30, "max_error_rate": 0.1, "limit_minutes": 5.0},
        "kubernetes": target,
    }
    # A model that is trained again on the same rows can be no better.
    model["gates"]["metrics"]["roc_auc"]["min_absolute_change"] = -0.05
    return {
        f"include/datasets/{DATASET}/dataset.yaml": yaml.safe_dump(dataset),
        f"include/datasets/{DATASET}/expectations.yaml": ferry_project.EXPECTATIONS,
        **{
            f"include/models/{name}/model.yaml": yaml.safe_dump({**model, "model": name})
            for name in (MODEL, IDLE_MODEL)
        },
    }
