"""What one model's traffic on a cluster is read and changed with."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from slipway.adapters.platforms.cluster.api_client import ClusterObjects, Manifest
from slipway.adapters.platforms.cluster.http_client import Front
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic, entry_service, route
from slipway.adapters.platforms.cluster.manifests.names import (
    MANAGED_BY,
    MODEL,
    TRIAL,
    model_labels,
    object_name,
    version_of,
)
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.live_state import Live
from slipway.adapters.platforms.cluster.observe.request_stats import Counting
from slipway.spec import ModelSpec

NOBODY = {0: 1.0}
"""Shares of an entry that leads nowhere: there is no version 0."""


@dataclass(frozen=True)
class Ground:
    """What a model's traffic is changed with.

    Attributes:
        spec: The model.
        objects: Its namespace.
        counting: What its servers count.
        front: Asks them.
        tags: What the registry says about a version.
        clock: Seconds that never go back.
        sleep: Waits for some seconds.
    """

    spec: ModelSpec
    objects: ClusterObjects
    counting: Counting
    front: Front
    tags: Callable[[int], Mapping[str, str]]
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def read(self, *, by_route: bool) -> Live:
        """What the API says of the model.

        Args:
            by_route: Whether its entry is a route.
        """
        kind = "HTTPRoute" if by_route else "Service"
        entry = self.objects.get(kind, object_name(self.spec.model))
        return Live(self.spec.model, by_route, entry, self.deployments())

    def look(self, *, by_route: bool) -> Live:
        """The same with all that somebody may have changed by hand.

        Args:
            by_route: Whether its entry is a route.
        """
        live, name = self.read(by_route=by_route), cluster_of(self.spec).config
        found = [one for kind in ("Service", "PodDisruptionBudget") for one in self.find(kind)]
        others = [one for one in found if TRIAL not in one["metadata"]["labels"]]
        nothing = {"kind": "ConfigMap", "metadata": {"name": name}}
        config = self.objects.get("ConfigMap", name) or nothing
        return replace(live, others=others, config=config)

    def deployments(self) -> dict[int, Manifest]:
        """Those of the model's versions."""
        found = ((version_of(one), one) for one in self.find("Deployment"))
        return {version: one for version, one in found if version is not None}

    def find(self, kind: str) -> list[Manifest]:
        """The model's objects of a kind that are ours."""
        labels = model_labels(self.spec.model)
        return self.objects.find(kind, {name: labels[name] for name in (MANAGED_BY, MODEL)})

    def entry(self, traffic: Traffic, *, by_route: bool, version: str | None = None) -> Manifest:
        """The entry as a rollout's words make it.

        Args:
            traffic: What it asked.
            by_route: Whether the entry is a route.
            version: Of the object that is changed.
        """
        shares = traffic.shares or NOBODY
        if by_route:
            return route(self.spec, shares, traffic=traffic, resource_version=version)
        return entry_service(
            self.spec, shares, by_route=False, traffic=traffic, resource_version=version
        )
