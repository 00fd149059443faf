"""The tools with which one model's traffic on a cluster is read and changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from slipway.adapters.platforms.cluster.api_client import NamespaceClient
from slipway.adapters.platforms.cluster.http_client import ServingClient
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic, entry_service, route
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import (
    CANDIDATE,
    MANAGED_BY,
    MODEL,
    model_labels,
    object_name,
    version_of,
)
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.live_state import LiveState
from slipway.adapters.platforms.cluster.observe.request_stats import RequestStats
from slipway.spec import ModelSpec

NO_VERSION = {0: 1.0}
"""Shares of an entry point without a backend: there is no version 0."""


@dataclass(frozen=True)
class ClusterContext:
    """The tools for one model.

    Attributes:
        spec: The model.
        api: Client of the Kubernetes API for its namespace.
        stats: Reads the request counts of its servers.
        servers: HTTP client of its servers.
        tags: Returns the registry's tags of a version.
        clock: Monotonic clock, in seconds.
        sleep: Sleeps for some seconds.
    """

    spec: ModelSpec
    api: NamespaceClient
    stats: RequestStats
    servers: ServingClient
    tags: Callable[[int], Mapping[str, str]]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def read_state(self, *, by_route: bool) -> LiveState:
        """Read the model's entry point and Deployments.

        Args:
            by_route: Whether the entry point is a route.
        """
        kind = "HTTPRoute" if by_route else "Service"
        entry = self.api.get(kind, object_name(self.spec.model))
        return LiveState(self.spec.model, by_route, entry, self.deployments())

    def read_with_owned(self, *, by_route: bool) -> LiveState:
        """Read the same, and every other object in which a manual edit is looked for.

        Args:
            by_route: Whether the entry point is a route.
        """
        live, name = self.read_state(by_route=by_route), cluster_of(self.spec).config
        found = [
            one for kind in ("Service", "PodDisruptionBudget") for one in self.find_owned(kind)
        ]
        others = [one for one in found if CANDIDATE not in one["metadata"]["labels"]]
        absent = {"kind": "ConfigMap", "metadata": {"name": name}}
        config = self.api.get("ConfigMap", name) or absent
        return replace(live, others=others, config=config)

    def deployments(self) -> dict[int, Manifest]:
        """Deployments of the model's versions, by version."""
        found = ((version_of(one), one) for one in self.find_owned("Deployment"))
        return {version: one for version, one in found if version is not None}

    def find_owned(self, kind: str) -> list[Manifest]:
        """The model's objects of a kind that Slipway manages."""
        labels = model_labels(self.spec.model)
        return self.api.find(kind, {name: labels[name] for name in (MANAGED_BY, MODEL)})

    def entry_manifest(
        self, traffic: Traffic, *, by_route: bool, resource_version: str | None = None
    ) -> Manifest:
        """The manifest of the entry point for some traffic.

        Args:
            traffic: The traffic that a rollout requested.
            by_route: Whether the entry point is a route.
            resource_version: Of the object that is changed.
        """
        shares = traffic.shares or NO_VERSION
        if by_route:
            return route(self.spec, shares, traffic=traffic, resource_version=resource_version)
        return entry_service(
            self.spec, shares, by_route=False, traffic=traffic, resource_version=resource_version
        )
