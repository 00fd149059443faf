"""Live state of one model: its objects as read, and the traffic that follows from them; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import (
    REPLICAS,
    VERSION,
    entrypoint_selector,
    version_name,
)
from slipway.adapters.platforms.cluster.manifests.version import digest_of
from slipway.adapters.platforms.cluster.manifests.weights import effective_shares
from slipway.adapters.platforms.cluster.observe.conditions import available, replicas_of


@dataclass(frozen=True)
class LiveState:
    """The objects of one model, as read from the API.

    Attributes:
        model: Its name.
        by_route: Whether its entry point is a route.
        entry: Its entry point; None when there is none.
        deployments: Deployments of its versions.
        candidates: Versions that have a Deployment of a candidate.
        others: Services and PodDisruptionBudgets, where they were read; none of a candidate.
        config: The ConfigMap of its servers, where it was read.
    """

    model: str
    by_route: bool
    entry: Manifest | None
    deployments: Mapping[int, Manifest] = field(default_factory=dict)
    candidates: tuple[int, ...] = ()
    others: Sequence[Manifest] = ()
    config: Manifest | None = None

    @property
    def traffic(self) -> Traffic | None:
        """The traffic that was requested last; None before the first rollout."""
        return None if self.entry is None else Traffic.from_annotations(self.entry)

    @property
    def requested_versions(self) -> set[int]:
        """The versions that have a share, or are kept, by the requested traffic."""
        return {*self.traffic.shares, *self.traffic.keep} if self.traffic else set()

    @property
    def unserved_versions(self) -> tuple[int, ...]:
        """The versions that have a Deployment, but neither a share nor are kept."""
        return tuple(sorted(set(self.deployments) - self.requested_versions))

    @property
    def healthy(self) -> dict[int, bool]:
        """Whether any server is ready, by version that runs."""
        return {
            version: available(deployment) > 0
            for version, deployment in self.deployments.items()
            if replicas_of(deployment) > 0
        }

    @property
    def digests(self) -> dict[int, str]:
        """Digest of what the servers of each version serve, where it is recorded."""
        found = ((version, digest_of(one)) for version, one in self.deployments.items())
        return {version: sha256 for version, sha256 in found if sha256 is not None}

    def has_digest(self, version: int, digest: str | None) -> bool:
        """Whether the servers of a version serve a digest, as far as both are known."""
        here = self.digests.get(version)
        return here is None or digest in {None, here}

    def is_serving(self, version: int, digest: str | None = None) -> bool:
        """Whether a version that has a share or is kept warm has a ready server.

        Args:
            version: Its number.
            digest: Digest of its manifest; None: any.
        """
        has_server = self.healthy.get(version, False) and self.has_digest(version, digest)
        return version in self.requested_versions and has_server

    @property
    def weights(self) -> dict[int, float]:
        """Share of the requests by version, as it is in force.

        Where numbers of servers make the shares, a version without a ready server has none.
        """
        if self.entry is None:
            return {}
        if self.by_route:
            by_name = {version_name(self.model, one): one for one in self._versions()}
            found = backends(self.entry)
            live = {by_name[name]: weight for name, weight in found if name in by_name}
            total = sum(live.values())
            return {one: weight / total for one, weight in live.items() if weight}
        selector = self.entry["spec"].get("selector") or {}
        if VERSION in selector:
            return _only(selector[VERSION])
        return self._by_servers() if selector == entrypoint_selector(self.model) else {}

    def _by_servers(self) -> dict[int, float]:
        requested = self.traffic.shares if self.traffic else {}
        ready = {version: available(one) for version, one in self.deployments.items()}
        shares = effective_shares(ready) if any(ready.values()) else dict(requested)
        return dict.fromkeys(requested, 0.0) | shares

    def _versions(self) -> set[int]:
        requested = self.traffic.shares if self.traffic else {}
        return {*requested, *self.deployments}


def has_requested_replicas(deployment: Manifest) -> bool:
    """Whether a Deployment has the number of servers that a rollout requested, if one did."""
    return requested_replicas(deployment) in {None, str(replicas_of(deployment))}


def requested_replicas(deployment: Manifest) -> str | None:
    """The number of servers that a rollout requested; None where none did."""
    found: str | None = (deployment["metadata"].get("annotations") or {}).get(REPLICAS)
    return found


def backends(route: Manifest) -> Iterator[tuple[str, int]]:
    """Name and weight of each backend of the model's own path, which is the last rule."""
    rules = route.get("spec", {}).get("rules") or [{}]
    for one in rules[-1].get("backendRefs") or []:
        yield str(one.get("name")), int(one.get("weight", 1))


def _only(version: str) -> dict[int, float]:
    return {int(version): 1.0} if version.isdecimal() and int(version) else {}
