"""A second project, whose stages run in the pods of a cluster that also serves its model."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import pandas as pd

from slipway.local.clients import ClientResult, in_requests, land, send_requests
from slipway.stages.rollout.v2_encode import encode_rows
from tests.e2e import ferry_project
from tests.e2e.conftest import COLUMNS, StackEnv
from tests.kubernetes_double import Cluster
from tests.kubernetes_double.cluster import SERVING, STAGES
from tests.support.row_identities import named_identity

DATASET, MODEL = "cluster_ferries", "cluster_delay"
DAGS = (f"{DATASET}__ingest", *(f"{MODEL}__{one}" for one in ("train", "deploy", "monitor")))
STAGES_IMAGE, SERVER_IMAGE = "stages:1", "server:1"
PODS = """\
runtime: kubernetes
pods: {image: "stages:1", connection: ferry_cluster, resources: {cpu: 500m, memory: 1Gi}}
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

SEARCH = """
search:
  space: {C: {low: 0.1, high: 10, log: true}}
  trials: 4
  folds: 2
  parallel_pods: 2
"""


def dataset_spec() -> str:
    """The same crossings, ingested in pods."""
    return ferry_project.DATASET.replace("dataset: ferries", f"dataset: {DATASET}") + PODS


def model_spec(gateway: str) -> str:
    """The same model, trained in pods and served by the cluster behind a gateway."""
    before, after = ferry_project.MODEL.split("deployment:\n")
    _, after = after.split("monitoring:", 1)
    text = before + DEPLOYMENT.format(gateway=gateway) + after + PODS
    text += SEARCH
    # A model that is trained again on the same rows can be no better.
    text = text.replace("min_absolute_change: 0.0", "min_absolute_change: -0.05")
    return text.replace("ferry_delay", MODEL).replace("dataset: ferries", f"dataset: {DATASET}")


@dataclass
class ClusterEnv:
    """Airflow and MLflow of the stack, with a cluster and a project of its own."""

    stack_env: StackEnv
    cluster: Cluster
    client: httpx.Client

    def land(self) -> None:
        """Deliver three days of features as one batch, and the labels of two as another."""
        landing = Path(self.stack_env.stack.settings.store) / "landing" / DATASET
        folder = self.stack_env.files / "cluster_ferries"
        folder.mkdir(parents=True, exist_ok=True)
        days = [ferry_project.day(number) for number in range(3)]
        features = pd.concat(days).drop(columns="late")
        labels = pd.concat(days[:2])[["crossing", "late"]]
        features.to_parquet(folder / "first.parquet", index=False)
        labels.to_csv(folder / "first.csv", index=False)
        land(folder / "first.parquet", landing, "features")
        land(folder / "first.csv", landing, "labels")

    def ask(self) -> ClientResult:
        """Send a day's crossings to the model through the cluster's gateway."""
        return send_requests(
            self.client,
            MODEL,
            in_requests(ferry_project.day(2), rows=20),
            encode=lambda frame: encode_rows(
                frame, COLUMNS, identity=named_identity("crossing", "departs")
            ),
        )

    def champion(self) -> int | None:
        """The champion's version."""
        return self.stack_env.champion(MODEL)

    def pods_made(self) -> list[str]:
        """Accounts whose requests made a pod, one entry each."""
        return [
            account
            for method, path, account, status in self.cluster.requests
            if (method, status) == ("POST", 201) and path.partition("?")[0].endswith("/pods")
        ]

    def stage_pods(self) -> list[str]:
        """Names of the stages' pods that exist now."""
        found = self.cluster.objects.list("Pod", STAGES, "app.kubernetes.io/name=slipway-stage")
        return [pod["metadata"]["name"] for pod in found]


@contextmanager
def running_cluster_env(stack_env: StackEnv) -> Iterator[ClusterEnv]:
    """A second project that Airflow parses; its DAGs and specs are removed afterwards."""
    with Cluster(
        folder=stack_env.files.parent / "cluster", images={STAGES_IMAGE, SERVER_IMAGE}, gateway=True
    ) as cluster:
        cluster.environ["SLIPWAY_PROJECT"] = str(stack_env.stack.project)
        addresses = {
            "SLIPWAY_STORE": stack_env.stack.settings.store,
            "SLIPWAY_MLFLOW": stack_env.stack.addresses.mlflow,
            "SLIPWAY_PLATFORM": stack_env.stack.addresses.platform,
        }
        for namespace in (STAGES, SERVING):
            cluster.apply(
                {
                    "apiVersion": "v1",
                    "kind": "ConfigMap",
                    "metadata": {"name": "slipway-settings", "namespace": namespace},
                    "data": {**addresses, "SLIPWAY_LOG_ROLL_SECONDS": "1"},
                }
            )
        connection = {"connection_id": "ferry_cluster", **_connection(cluster)}
        stack_env.api.post("/connections", connection)
        include = stack_env.stack.project / "include"
        gateway = f"http://gateway.infra:{httpx.URL(cluster.gateway_url).port}"
        specs = {
            include / "datasets" / DATASET / "dataset.yaml": dataset_spec(),
            include / "datasets" / DATASET / "expectations.yaml": ferry_project.EXPECTATIONS,
            include / "models" / MODEL / "model.yaml": model_spec(gateway),
        }
        for file, text in specs.items():
            ferry_project.write(file, text)
        # A scheduler imports the code of its tasks when it starts.
        stack_env.restart_scheduler()
        try:
            with httpx.Client(base_url=cluster.gateway_url, timeout=30.0) as client:
                yield ClusterEnv(stack_env, cluster, client)
        finally:
            for dag_id in DAGS:
                stack_env.api.patch(f"/dags/{dag_id}", {"is_paused": True})
            for file in specs:
                file.unlink()
            for folder in {file.parent for file in specs}:
                folder.rmdir()


def _connection(cluster: Cluster) -> dict[str, str]:
    given = json.loads(cluster.connection("slipway-airflow"))
    return {"conn_type": given["conn_type"], "extra": json.dumps(given["extra"])}
