"""A version that `verify` tries: its real server, which no client reaches and no log is kept of."""

from __future__ import annotations

from typing import Any

from slipway.adapters.platforms.cluster.manifests.names import (
    TRIAL,
    model_labels,
    trial_name,
    trial_selector,
)
from slipway.adapters.platforms.cluster.manifests.resources import Sizing
from slipway.adapters.platforms.cluster.manifests.server_pod import server_pod
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, deployment, service
from slipway.spec import ModelSpec


def trial_objects(spec: ModelSpec, version: int, *, sizing: Sizing) -> list[dict[str, Any]]:
    """Deployment and Service of one server that is only tried, in this order.

    Its pod is that of the servers to come, image, settings and tokens alike, without the shipper.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        version: The version to try.
        sizing: What its server asks for; not measured yet.
    """
    cluster = cluster_of(spec)
    selector = trial_selector(spec.model, version)
    labels = {**model_labels(spec.model), TRIAL: "true", **selector}
    metadata = {
        "name": trial_name(spec.model, version),
        "namespace": cluster.namespace,
        "labels": labels,
    }
    template = server_pod(
        cluster,
        spec.model,
        version=version,
        sizing=sizing,
        labels=labels,
        selector=selector,
        ships=False,
    )
    return [
        deployment(metadata, replicas=1, selector=selector, template=template, cluster=cluster),
        service(metadata, selector=selector),
    ]
