"""Models on several kinds of cluster, and their manifests."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.manifests.candidate import candidate_objects
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.render import render_manifests
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.spec import ModelSpec

MEASURED = {"slipway.resident_mib": "83.2", "slipway.cold_start_s": "1.1"}

CLUSTERS: dict[str, dict[str, Any]] = {
    "plain": {},
    "gateway": {"gateway": {"name": "edge", "url": "http://edge.example.org"}},
    "everything": {
        "shipper_image": "registry.example.org/shipper:1",
        "namespace": "models",
        "tokens_secret": "delay-tokens",
        "pii_key_secret": "delay-pii",
        "trusted_keys_config": "trusted-keys",
        "replicas": 5,
        "warm_replicas": 1,
        "node_selector": {"pool": "serving"},
        "gateway": {
            "name": "edge",
            "namespace": "infra",
            "url": "https://edge.example.org",
            "hostname": "models.example.org",
        },
    },
    "claim": {"log_claim": "slipway-logs", "shipper_image": "registry.example.org/shipper:1"},
    "tokens": {"tokens_secret": "delay-tokens", "replicas": 1},
}
TRAFFICS = {
    "one": Traffic(7, {3: 1.0}),
    "kept": Traffic(7, {3: 1.0}, (2,)),
    "canary": Traffic(7, {3: 0.1, 2: 0.9}, (1,), {"http://10.1.2.3:8080": {"asked": 4}}),
}


def spec_of(cluster: Mapping[str, Any], model: str = "flight_delay") -> ModelSpec:
    """Spec of a model on one kind of cluster."""
    return ModelSpec.model_validate(
        {
            "model": model,
            "dataset": "flights",
            "task": "classification",
            "target": "late",
            "features": {"numeric": ["distance"]},
            "estimator": {"name": "sklearn.linear_model.LogisticRegression"},
            "gates": {"metrics": {"roc_auc": {"threshold": 0.5}}},
            "deployment": {
                "target": "kubernetes",
                "kubernetes": {"image": "registry.example.org/server:1", **cluster},
            },
            "monitoring": {"performance": {"metric": "roc_auc", "max_absolute_drop": 0.05}},
        }
    )


def everything(spec: ModelSpec, traffic: Traffic) -> list[dict[str, Any]]:
    """All objects for some weights, and those of a candidate."""
    candidate = candidate_objects(spec, 4, sizing=sizing(cluster_of(spec), {}))
    return [*render_manifests(spec, traffic, {3: MEASURED}), *candidate]


def of_kind(objects: list[dict[str, Any]], kind: str) -> dict[str, dict[str, Any]]:
    """Manifests of a kind by name."""
    return {one["metadata"]["name"]: one for one in objects if one["kind"] == kind}


def pods(objects: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Templates of pods by the name of their Deployment."""
    found = of_kind(objects, "Deployment")
    return {name: one["spec"]["template"] for name, one in found.items()}


def containers(pod: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Containers of a pod by name, init containers included."""
    spec = pod["spec"]
    return {one["name"]: one for one in [*spec["initContainers"], *spec["containers"]]}


def selected(service: Mapping[str, Any], objects: list[dict[str, Any]]) -> set[str]:
    """Deployments whose pods a Service selects."""
    wanted = service["spec"]["selector"].items()
    return {
        name for name, pod in pods(objects).items() if wanted <= pod["metadata"]["labels"].items()
    }


_pairs = list(itertools.product(CLUSTERS, TRAFFICS))
cases = pytest.mark.parametrize(
    ("cluster", "traffic"),
    [(CLUSTERS[cluster], TRAFFICS[traffic]) for cluster, traffic in _pairs],
    ids=["-".join(pair) for pair in _pairs],
)
"""Every kind of cluster with every kind of traffic."""
