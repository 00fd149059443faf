"""A second house, whose stages run in the pods of a cluster that also serves its model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pandas as pd

from slipway.local.demo.year import ClientResult, in_requests, land, send_requests
from slipway.stages.rollout.v2_encode import encode_rows
from tests.e2e import ferries
from tests.e2e.conftest import COLUMNS, House
from tests.kubernetes_double import Cluster

DATASET, MODEL = "northern_ferries", "northern_delay"
DAGS = (f"{DATASET}__ingest", *(f"{MODEL}__{one}" for one in ("train", "deploy", "monitor")))
STAGES_IMAGE, SERVER_IMAGE = "stages:1", "server:1"
PODS = """\
runtime: kubernetes
pods: {image: "stages:1", connection: northern_cluster, resources: {cpu: 500m, memory: 1Gi}}
"""
DEPLOYMENT = """\
deployment:
  target: kubernetes
  cron: "*/10 * * * *"
  verify: {{replay_rows: 20, max_p99_ms: 5000.0}}
  shift: {{steps: [50], requests: 60, max_error_rate: 0.1, limit_minutes: 5.0}}
  kubernetes:
    image: "server:1"
    replicas: 1
    gateway: {{name: gateway, namespace: infra, url: "{gateway}"}}
monitoring:"""


def dataset_spec() -> str:
    """The same crossings, ingested in pods."""
    return ferries.DATASET.replace("dataset: ferries", f"dataset: {DATASET}") + PODS


def model_spec(gateway: str) -> str:
    """The same model, trained in pods and served by the cluster behind a gateway."""
    before, after = ferries.MODEL.split("deployment:\n")
    _, after = after.split("monitoring:", 1)
    text = before + DEPLOYMENT.format(gateway=gateway) + after + PODS
    # Trained again on what it has learnt from already, it can be no better.
    text = text.replace("min_absolute_change: 0.0", "min_absolute_change: -0.05")
    return text.replace("ferry_delay", MODEL).replace("dataset: ferries", f"dataset: {DATASET}")


@dataclass
class Harbour:
    """The second house: the first one's Airflow and MLflow, and a cluster."""

    house: House
    cluster: Cluster
    client: httpx.Client

    def land(self) -> None:
        """Deliver three days of features as one batch, and the labels of two as another."""
        landing = Path(self.house.stack.settings.store) / "landing" / DATASET
        folder = self.house.files / "northern"
        folder.mkdir(parents=True, exist_ok=True)
        days = [ferries.day(number) for number in range(3)]
        features = pd.concat(days).drop(columns="late")
        labels = pd.concat(days[:2])[["crossing", "late"]]
        features.to_parquet(folder / "first.parquet", index=False)
        labels.to_csv(folder / "first.csv", index=False)
        land(folder / "first.parquet", landing, "features")
        land(folder / "first.csv", landing, "labels")

    def ask(self) -> ClientResult:
        """Ask the model about a day's crossings, through the cluster's gateway."""
        return send_requests(
            self.client,
            MODEL,
            in_requests(ferries.day(2), rows=20),
            encode=lambda frame: encode_rows(frame, COLUMNS, key="crossing", event_time="departs"),
        )

    def champion(self) -> int | None:
        """The champion's version."""
        return self.house.champion(MODEL)

    def pods_made(self) -> list[str]:
        """Accounts whose requests made a pod, one entry each."""
        return [
            account
            for method, path, account, status in self.cluster.requests
            if (method, status) == ("POST", 201) and path.partition("?")[0].endswith("/pods")
        ]

    def stage_pods(self) -> list[str]:
        """Names of the stages' pods that are there now."""
        found = self.cluster.pods({"app.kubernetes.io/name": "slipway-stage"})
        return [pod["metadata"]["name"] for pod in found]


@contextmanager
def opened(house: House) -> Iterator[Harbour]:
    """The second house, known to Airflow; its DAGs are gone afterwards."""
    with Cluster(
        folder=house.files.parent / "cluster", images={STAGES_IMAGE, SERVER_IMAGE}, gateway=True
    ) as cluster:
        cluster.environ["SLIPWAY_PROJECT"] = str(house.stack.project)
        cluster.apply(
            {
                "apiVersion": "v1",
                "kind": "ConfigMap",
                "metadata": {"name": "slipway-settings", "namespace": cluster.namespace},
                "data": {
                    "SLIPWAY_STORE": house.stack.settings.store,
                    "SLIPWAY_MLFLOW": house.stack.addresses.mlflow,
                    "SLIPWAY_LOG_ROLL_SECONDS": "1",
                },
            }
        )
        connection = {"connection_id": "northern_cluster", **_connection(cluster)}
        house.api.post("/connections", connection)
        include = house.stack.project / "include"
        gateway = f"http://gateway.infra:{httpx.URL(cluster.gateway_url).port}"
        specs = {
            include / "datasets" / DATASET / "dataset.yaml": dataset_spec(),
            include / "datasets" / DATASET / "expectations.yaml": ferries.EXPECTATIONS,
            include / "models" / MODEL / "model.yaml": model_spec(gateway),
        }
        for file, text in specs.items():
            ferries.write(file, text)
        # A scheduler imports what its tasks need when it starts.
        house.restart_scheduler()
        try:
            with httpx.Client(base_url=cluster.gateway_url, timeout=30.0) as client:
                yield Harbour(house, cluster, client)
        finally:
            for dag_id in DAGS:
                house.api.patch(f"/dags/{dag_id}", {"is_paused": True})
            for file in specs:
                file.unlink()
            for folder in {file.parent for file in specs}:
                folder.rmdir()


def _connection(cluster: Cluster) -> dict[str, str]:
    given = json.loads(cluster.connection("slipway-airflow"))
    return {"conn_type": given["conn_type"], "extra": json.dumps(given["extra"])}
