"""The tools with which one model's traffic on a cluster is read and changed."""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, replace

from slipway.adapters.platforms.cluster.api_client import NamespaceClient
from slipway.adapters.platforms.cluster.http_client import ServingClient
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic, entry_service, route
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import (
    MANAGED_BY,
    MODEL,
    candidate_version_of,
    has_name_of,
    is_candidate,
    model_labels,
    names_of_version,
    object_name,
    version_of,
)
from slipway.adapters.platforms.cluster.manifests.version import cluster_of
from slipway.adapters.platforms.cluster.observe.live_state import LiveState
from slipway.adapters.platforms.cluster.observe.request_stats import RequestStats
from slipway.adapters.platforms.cluster.ownership.managed_fields import applied_fields
from slipway.adapters.platforms.cluster.ownership.manual_edits import (
    ManualEdit,
    find_manual_edits,
)
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

    def read_state(self, *, by_route: bool, versions: Collection[int] | None = ()) -> LiveState:
        """Read the model's entry point and Deployments.

        Args:
            by_route: Whether the entry point is a route.
            versions: See `find_owned`; those of the requested traffic are added.
        """
        kind = "HTTPRoute" if by_route else "Service"
        entry = self.api.get(kind, object_name(self.spec.model))
        live = LiveState(self.spec.model, by_route, entry)
        found = self.find_owned("Deployment", versions=_with_requested(live, versions))
        candidates = {one for one in map(candidate_version_of, found) if one is not None}
        return replace(live, deployments=_by_version(found), candidates=tuple(sorted(candidates)))

    def read_with_owned(
        self, *, by_route: bool, versions: Collection[int] | None = None
    ) -> LiveState:
        """Read the same, and every other object in which a manual edit is looked for.

        Args:
            by_route: Whether the entry point is a route.
            versions: See `find_owned`; those of the requested traffic are added.
        """
        live = self.read_state(by_route=by_route, versions=versions)
        found = [
            one
            for kind in ("Service", "PodDisruptionBudget")
            for one in self.find_owned(kind, versions=_with_requested(live, versions))
        ]
        others = [one for one in found if not is_candidate(one)]
        name = cluster_of(self.spec).config
        absent = {"kind": "ConfigMap", "metadata": {"name": name}}
        config = self.api.get("ConfigMap", name) or absent
        return replace(live, others=others, config=config)

    def deployments(self, versions: Collection[int] | None) -> dict[int, Manifest]:
        """Deployments of the model's versions, by version.

        Args:
            versions: See `find_owned`.
        """
        return _by_version(self.find_owned("Deployment", versions=versions))

    def find_owned(self, kind: str, *, versions: Collection[int] | None) -> list[Manifest]:
        """The model's objects of a kind that Slipway manages.

        Each has a name of this model, and has Slipway's labels or was applied by Slipway: a label
        alone can be edited.

        Args:
            kind: Kind of the objects.
            versions: Versions whose objects are found even if their label was changed; None: those
                of every version, by a look through the namespace.
        """
        model = self.spec.model
        if versions is None:
            found = self.api.find(kind)
        else:
            found = self.api.find(kind, {MODEL: model})
            present = {one["metadata"]["name"] for one in found}
            names = {name for one in versions for name in names_of_version(kind, model, one)}
            missing = (self.api.get(kind, name) for name in sorted(names - present))
            found += [one for one in missing if one is not None]
        return [one for one in found if self._is_owned(one)]

    def manual_edits(self, live: LiveState, *, token: int | None = None) -> list[ManualEdit]:
        """The manual edits of the model's objects.

        Args:
            live: The objects as read.
            token: See `find_manual_edits`.
        """
        traffic = live.traffic or Traffic(0, {})
        expected = self.entry_manifest(traffic, by_route=live.by_route)
        return find_manual_edits(live, expected, token=token)

    def _is_owned(self, found: Manifest) -> bool:
        labels, wanted = found["metadata"].get("labels") or {}, model_labels(self.spec.model)
        has_labels = all(labels.get(name) == wanted[name] for name in (MANAGED_BY, MODEL))
        is_applied = applied_fields(found) is not None
        return has_name_of(found, self.spec.model) and (has_labels or is_applied)

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


def _by_version(deployments: Iterable[Manifest]) -> dict[int, Manifest]:
    """Those of versions; candidates are left out."""
    found = ((version_of(one), one) for one in deployments)
    return {version: one for version, one in found if version is not None}


def _with_requested(live: LiveState, versions: Collection[int] | None) -> set[int] | None:
    return None if versions is None else {*live.requested_versions, *versions}
