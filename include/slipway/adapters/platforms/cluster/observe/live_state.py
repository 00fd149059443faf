"""What the cluster really does for one model; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.names import VERSION, lane_selector, version_name
from slipway.adapters.platforms.cluster.manifests.weights import real_shares
from slipway.adapters.platforms.cluster.observe.conditions import available, replicas_of
from slipway.adapters.platforms.cluster.ownership.managed_fields import Manifest

REPLICAS = "slipway/replicas"
"""Annotation of a Deployment: how many servers a rollout asked for."""


@dataclass(frozen=True)
class Live:
    """What the API says of one model.

    Attributes:
        model: Its name.
        by_route: Whether its entry is a route.
        entry: Its entry; None when there is none.
        deployments: Those of its versions.
        others: Services and PodDisruptionBudgets, where they were asked for; none of a trial.
        config: The ConfigMap that its servers read, where it was asked for.
    """

    model: str
    by_route: bool
    entry: Manifest | None
    deployments: Mapping[int, Manifest] = field(default_factory=dict)
    others: Sequence[Manifest] = ()
    config: Manifest | None = None

    @property
    def traffic(self) -> Traffic | None:
        """What was asked last; None when no rollout ever did."""
        return None if self.entry is None else Traffic.of(self.entry)

    @property
    def healthy(self) -> dict[int, bool]:
        """Whether any server can answer, by version that runs."""
        return {
            version: available(deployment) > 0
            for version, deployment in self.deployments.items()
            if replicas_of(deployment) > 0
        }

    def is_at_work(self, version: int) -> bool:
        """Whether servers that a rollout asked for can answer, with a share or warm without."""
        traffic = self.traffic
        is_in_force = traffic is not None and version in {*traffic.shares, *traffic.keep}
        return is_in_force and self.healthy.get(version, False)

    @property
    def weights(self) -> dict[int, float]:
        """Share of the requests by version, as it is in force.

        Where servers are counted, a version whose servers cannot answer has none of them.
        """
        if self.entry is None:
            return {}
        if self.by_route:
            by_name = {version_name(self.model, one): one for one in self._versions()}
            said = backends(self.entry)
            live = {by_name[name]: weight for name, weight in said if name in by_name}
            total = sum(live.values())
            return {one: weight / total for one, weight in live.items() if weight}
        selector = self.entry["spec"].get("selector") or {}
        if VERSION in selector:
            return _only(selector[VERSION])
        return self._by_servers() if selector == lane_selector(self.model) else {}

    def _by_servers(self) -> dict[int, float]:
        asked = self.traffic.shares if self.traffic else {}
        ready = {version: available(one) for version, one in self.deployments.items()}
        shares = real_shares(ready) if any(ready.values()) else dict(asked)
        return dict.fromkeys(asked, 0.0) | shares

    def _versions(self) -> set[int]:
        asked = self.traffic.shares if self.traffic else {}
        return {*asked, *self.deployments}


def has_replicas_asked(deployment: Manifest) -> bool:
    """Whether a Deployment has as many servers as a rollout asked for, if one did."""
    return asked_replicas(deployment) in {None, str(replicas_of(deployment))}


def asked_replicas(deployment: Manifest) -> str | None:
    """How many servers a rollout asked for; None where none did."""
    said: str | None = (deployment["metadata"].get("annotations") or {}).get(REPLICAS)
    return said


def backends(route: Manifest) -> Iterator[tuple[str, int]]:
    """Name and weight of what the model's own path leads to: its rule stands last."""
    rules = route.get("spec", {}).get("rules") or [{}]
    for one in rules[-1].get("backendRefs") or []:
        yield str(one.get("name")), int(one.get("weight", 1))


def _only(version: str) -> dict[int, float]:
    return {int(version): 1.0} if version.isdecimal() and int(version) else {}
