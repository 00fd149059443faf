"""Pods with trusted keys: an unsigned version is neither downloaded nor served."""

from __future__ import annotations

from pathlib import Path

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.errors import PlatformUnavailable
from slipway.stages.model.sign_version import sign_version
from slipway.stages.model.version_tags import DIGEST
from tests.kubernetes_double import Cluster
from tests.rollouts.cluster_model import SHARED, ClusterModel
from tests.support.keys import Keys
from tests.support.models_on_cluster import MODEL


def test_pods_serve_what_a_trusted_key_signed_alone(
    cluster: Cluster, registry: MlflowRegistry, tmp_path: Path
) -> None:
    """Download and server verify it by the keys of a ConfigMap; the champion goes on."""
    keys = Keys.make(tmp_path)
    cluster.apply(
        {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "trusted-keys", "namespace": cluster.namespace},
            "data": {"slipway.pub.pem": keys.public.read_text()},
        }
    )
    first = registry.version(MODEL, 1)
    sign_version(first, sha256=first.tags[DIGEST], registry=registry, signing=keys.signing)
    admitted = {"data": {"trusted-keys": "trusted-keys"}}
    cluster.patch("ConfigMap", "slipway-policy", admitted, namespace="slipway")
    model = ClusterModel(
        cluster, registry, by_route=True, ready_seconds=10, trusted_keys_config="trusted-keys"
    )
    model.serve({1: 1.0})
    with pytest.raises(PlatformUnavailable, match="do not become ready"):
        model.serve(SHARED, token=2)
    assert model.served().weights == {1: 1.0}
    (pod,) = cluster.pods({"slipway/version": "2"})
    name = pod["metadata"]["name"]
    cluster.wait(
        "the download gives its reason",
        lambda: f"version 2 of {MODEL} is not signed" in cluster.log(name, container="download"),
    )
