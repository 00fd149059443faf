"""A model on the cluster double, whose versions are rolled out."""

from __future__ import annotations

import time
from typing import Any

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.platforms.cluster.manifests.resources import Sizing, sizing
from slipway.adapters.platforms.cluster.platform import ClusterPlatform
from slipway.spec import ModelSpec
from slipway.stages.rollout.platform import Served
from tests.kubernetes_double import Cluster
from tests.support.models_on_cluster import MODEL, NAME, Clients, cluster_platform, spec_of

KINDS = ("Deployment", "Service", "PodDisruptionBudget")
SHARED = {2: 0.1, 1: 0.9}


class ClusterModel:
    """A model on a cluster, and the platform adapter that changes its traffic.

    Attributes:
        cluster: The cluster.
        spec: Spec of the model.
        platform: The adapter as a rollout's pod builds it.
    """

    def __init__(
        self, cluster: Cluster, registry: MlflowRegistry, *, by_route: bool, **more: Any
    ) -> None:
        self.cluster = cluster
        self.by_route = by_route
        self.spec: ModelSpec = spec_of(cluster, by_route=by_route, **more)
        self._registry = registry
        self.platform = self.another()
        self.entry_kind = "HTTPRoute" if by_route else "Service"

    def another(self) -> ClusterPlatform:
        """A new adapter, as the pod of the next stage builds it."""
        return cluster_platform(self.cluster, self.spec, self._registry)

    def serve(
        self, weights: dict[int, float], *keep: int, token: int = 1, is_urgent: bool = False
    ) -> None:
        """Change the traffic."""
        self.platform.apply(MODEL, weights=weights, keep=keep, token=token, is_urgent=is_urgent)

    def served(self) -> Served:
        """The served versions."""
        found = self.platform.served(MODEL)
        assert found is not None
        return found

    def digests(self, *versions: int) -> dict[int, str]:
        """Digest of versions in the registry."""
        return {one: self._registry.digest(MODEL, one) for one in versions}

    def clients(self) -> Clients:
        """Clients of the entry point."""
        host = self.spec.deployment.kubernetes.gateway.url if self.by_route else ""  # type: ignore[union-attr]
        return Clients(
            f"{host or f'http://{NAME}.slipway-serving.svc:8080'}/v2/models/{MODEL}/infer"
        )

    def state(self) -> dict[tuple[str, str], str]:
        """Resource version of every object of the model."""
        kinds = (*KINDS, "HTTPRoute") if self.by_route else KINDS
        return {
            (kind, one["metadata"]["name"]): one["metadata"]["resourceVersion"]
            for kind in kinds
            for one in self.cluster.list(kind)
        }

    def versions(self) -> list[str]:
        """Names of the Deployments."""
        return [one["metadata"]["name"] for one in self.cluster.list("Deployment")]

    def writes(self) -> int:
        """Number of requests so far other than reads."""
        return sum(one.method != "GET" for one in self.cluster.requests)


def wait_until_settled(cluster: Cluster) -> None:
    """Wait until no controller writes any more."""

    def now() -> list[str]:
        found = [one for kind in KINDS for one in cluster.list(kind)]
        return [one["metadata"]["resourceVersion"] for one in found]

    before = now()
    time.sleep(0.5)
    while before != (found := now()):
        before = found
        time.sleep(0.5)


def default_sizing(spec: ModelSpec) -> Sizing:
    """Sizes of a server that `verify` has not measured."""
    assert spec.deployment.kubernetes is not None
    return sizing(spec.deployment.kubernetes, {})
