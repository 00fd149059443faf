"""A node is lost with segments of the prediction log: what a log on a claim keeps."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.object_store import open_store
from slipway.adapters.prediction_log import PredictionLog
from tests.kubernetes_double import Cluster
from tests.rollouts.cluster_model import ClusterModel
from tests.support.models_on_cluster import MODEL, request_body

CLAIM = {
    "apiVersion": "v1",
    "kind": "PersistentVolumeClaim",
    "metadata": {"name": "slipway-logs", "namespace": "slipway-serving"},
    "spec": {
        "accessModes": ["ReadWriteMany"],
        "resources": {"requests": {"storage": "1Gi"}},
    },
}
REQUESTS = 7


def lose_a_server(model: ClusterModel) -> None:
    """Serve, answer some requests whose segment stays open, and lose the server's node."""
    slow = {"data": {"SLIPWAY_LOG_ROLL_SECONDS": "600"}}
    model.cluster.patch("ConfigMap", "slipway-settings", slow, "kubectl-edit")
    model.serve({1: 1.0})
    for _ in range(REQUESTS):
        model.platform.ask(MODEL, request_body())
    [pod] = model.cluster.pods()
    model.cluster.lose_node(pod["spec"]["nodeName"])
    model.cluster.wait("another server", lambda: _is_replaced(model, pod["metadata"]["name"]))


@pytest.mark.parametrize("log_claim", ["slipway-logs", None])
def test_what_a_lost_node_had_not_shipped_is_on_the_claim(
    cluster: Cluster, registry: MlflowRegistry, tmp_path: Path, log_claim: str | None
) -> None:
    """Its successor ships every acknowledged record before it serves; by default it is lost."""
    cluster.apply(CLAIM)
    model = ClusterModel(cluster, registry, by_route=True, log_claim=log_claim)
    lose_a_server(model)
    logged = PredictionLog(open_store(str(tmp_path / "store"))).count(MODEL)
    assert logged == (REQUESTS if log_claim else 0)
    assert model.platform.ask(MODEL, request_body()).version == 1
    assert model.served().edited is None


def _is_replaced(model: ClusterModel, lost: str) -> bool:
    ready = [
        pod["metadata"]["name"]
        for pod in model.cluster.pods()
        if {"type": "Ready", "status": "True"}.items()
        <= next(
            (one for one in pod["status"].get("conditions", ()) if one["type"] == "Ready"), {}
        ).items()
    ]
    return bool(ready) and lost not in ready
