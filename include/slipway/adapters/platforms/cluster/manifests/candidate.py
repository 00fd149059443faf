"""Manifests of a candidate: one server that `verify` tests, without traffic and without a log."""

from __future__ import annotations

from typing import Any

from slipway.adapters.platforms.cluster.manifests.names import (
    CANDIDATE,
    candidate_name,
    candidate_selector,
    model_labels,
)
from slipway.adapters.platforms.cluster.manifests.resources import Sizing
from slipway.adapters.platforms.cluster.manifests.server_pod import server_pod
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, deployment, service
from slipway.spec import ModelSpec


def candidate_objects(
    spec: ModelSpec, version: int, *, sizing: Sizing, digest: str | None = None
) -> list[dict[str, Any]]:
    """Deployment and Service of a candidate, in this order.

    Its pod has the image, settings and tokens of the version's later servers, but no log shipper.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        version: The version to verify.
        sizing: Resources of its server; not measured yet.
        digest: Digest of the version's manifest; None: not known.
    """
    cluster = cluster_of(spec)
    selector = candidate_selector(spec.model, version)
    labels = {**model_labels(spec.model), CANDIDATE: "true", **selector}
    metadata = {
        "name": candidate_name(spec.model, version),
        "namespace": cluster.namespace,
        "labels": labels,
    }
    template = server_pod(
        cluster,
        spec.model,
        version=version,
        digest=digest,
        sizing=sizing,
        labels=labels,
        selector=selector,
        ships=False,
    )
    return [
        deployment(metadata, replicas=1, selector=selector, template=template, cluster=cluster),
        service(metadata, selector=selector),
    ]
