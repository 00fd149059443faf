"""Render all manifests of a model, as a rollout would apply them; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic, entry_service, route
from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, version_objects
from slipway.adapters.platforms.cluster.manifests.weights import server_counts
from slipway.spec import ModelSpec
from slipway.stages.model.version_tags import DIGEST


def render_manifests(
    spec: ModelSpec, traffic: Traffic, tags: Mapping[int, Mapping[str, str]]
) -> list[dict[str, Any]]:
    """The objects of each version with a share or kept warm, then the entry point.

    Args:
        spec: The model, with its `deployment.kubernetes`.
        traffic: Which versions have a share, and which are kept.
        tags: Tags of versions in the registry, where they are known.
    """
    cluster = cluster_of(spec)
    by_route = cluster.gateway is not None
    counts = server_counts(cluster, traffic.shares, traffic.keep, by_route=by_route)
    objects: list[dict[str, Any]] = []
    for version, replicas in counts.items():
        known = tags.get(version, {})
        objects += version_objects(
            spec,
            version,
            replicas=replicas,
            sizing=sizing(cluster, known),
            digest=known.get(DIGEST),
        )
    recorded = None if by_route else traffic
    objects.append(entry_service(spec, traffic.shares, by_route=by_route, traffic=recorded))
    if by_route:
        objects.append(route(spec, traffic.shares, traffic=traffic))
    return objects
