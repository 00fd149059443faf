"""Manifests of one version: Deployment, two Services and PodDisruptionBudget."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.adapters.platforms.cluster.manifests.last_applied import record_last_applied
from slipway.adapters.platforms.cluster.manifests.names import (
    DIGEST,
    ENTRY_LANE,
    LANE,
    PORT,
    REPLICAS,
    pods_name,
    version_labels,
    version_name,
    version_selector,
)
from slipway.adapters.platforms.cluster.manifests.resources import Sizing
from slipway.adapters.platforms.cluster.manifests.server_pod import server_pod
from slipway.spec import ModelSpec
from slipway.spec.cluster import Cluster

REVISIONS = 2


def version_objects(
    spec: ModelSpec, version: int, *, replicas: int, sizing: Sizing, digest: str | None = None
) -> list[dict[str, Any]]:
    """Deployment, Service, headless Service and PodDisruptionBudget of a version, in this order.

    Each records itself in an annotation, by which manual edits are found.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        version: Its version.
        replicas: Number of servers.
        sizing: Resources of each of them.
        digest: Digest of the version's manifest; None: not known.
    """
    cluster = cluster_of(spec)
    labels = version_labels(spec.model, version)
    selector = version_selector(spec.model, version)
    name = version_name(spec.model, version)

    def about(called: str, **more: Any) -> dict[str, Any]:
        return {"name": called, "namespace": cluster.namespace, "labels": dict(labels), **more}

    template = server_pod(
        cluster,
        spec.model,
        version=version,
        digest=digest,
        sizing=sizing,
        labels={**labels, LANE: ENTRY_LANE},
        selector=selector,
        ships=True,
    )
    made = [
        deployment(
            # The number that was asked for, by which a manual change of it is found.
            about(name, annotations={REPLICAS: str(replicas)}),
            replicas=replicas,
            selector=selector,
            template=template,
            cluster=cluster,
        ),
        service(about(name), selector=selector),
        # Ready servers only: the counters of a stopping one are lost with it.
        service(about(pods_name(spec.model, version)), selector=selector, is_headless=True),
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": about(name),
            "spec": {
                # With a single server `minAvailable: 1` would block every drain of its node.
                "maxUnavailable": 1,
                # A server that is not ready must not block one either.
                "unhealthyPodEvictionPolicy": "AlwaysAllow",
                "selector": {"matchLabels": dict(selector)},
            },
        },
    ]
    return [record_last_applied(one) for one in made]


def digest_of(deployment: Mapping[str, Any]) -> str | None:
    """The digest of the version that a Deployment's pods serve; None where it is not recorded."""
    annotations = deployment["spec"].get("template", {}).get("metadata", {}).get("annotations")
    found: str | None = (annotations or {}).get(DIGEST)
    return found


def cluster_of(spec: ModelSpec) -> Cluster:
    """The section `deployment.kubernetes` of a spec."""
    cluster = spec.deployment.kubernetes
    assert cluster is not None, "a spec with target: kubernetes has it"  # noqa: S101
    return cluster


def deployment(
    metadata: Mapping[str, Any],
    *,
    replicas: int,
    selector: Mapping[str, str],
    template: Mapping[str, Any],
    cluster: Cluster,
) -> dict[str, Any]:
    """A Deployment that stops servers only once their replacements are ready."""
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": dict(metadata),
        "spec": {
            "replicas": replicas,
            "paused": False,
            "revisionHistoryLimit": REVISIONS,
            "progressDeadlineSeconds": cluster.ready_seconds,
            "strategy": {
                "type": "RollingUpdate",
                "rollingUpdate": {"maxUnavailable": 0, "maxSurge": 1},
            },
            "selector": {"matchLabels": dict(selector)},
            "template": dict(template),
        },
    }


def service(
    metadata: Mapping[str, Any], *, selector: Mapping[str, str], is_headless: bool = False
) -> dict[str, Any]:
    """A Service in front of the ready servers that a selector matches."""
    kind = {"clusterIP": "None"} if is_headless else {"type": "ClusterIP"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": dict(metadata),
        "spec": {
            **kind,
            "sessionAffinity": "None",
            "selector": dict(selector),
            "ports": [{"name": "http", "port": PORT, "targetPort": "http", "protocol": "TCP"}],
        },
    }
