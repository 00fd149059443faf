"""The world of a script on a cluster's double, which many worlds share."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from slipway.adapters.platforms.cluster.api_client import open_cluster
from slipway.adapters.platforms.cluster.manifests.names import (
    MODEL,
    is_candidate,
    object_name,
    version_of,
    version_selector,
)
from slipway.adapters.platforms.cluster.platform import ClusterPlatform
from tests.kubernetes_double import Cluster
from tests.serving.mlflow_world import MlflowWorld
from tests.support.models_on_cluster import deployment_on, open_cluster_double
from tests.support.theorem.steps import Step
from tests.support.theorem.writes import Port

CLUSTER_WRITES = frozenset({"apply", "delete"})
KINDS = ("HTTPRoute", "Service", "Deployment", "PodDisruptionBudget")
STUMBLES: tuple[dict[str, Any], ...] = (
    {"verb": "patch", "status": 429},
    {"verb": "patch", "status": 500, "after": True},
    {"verb": "list", "status": 503},
    {"verb": "patch", "kind": "HTTPRoute", "status": 409},
)


@dataclass
class ClusterInstallation:
    """What worlds share: MLflow, the cluster, and trained versions.

    Attributes:
        mlflow: URL of the MLflow server.
        cluster: The cluster.
        folder: Holds the store.
        trained: Holds trained versions.
        by_route: Whether the cluster's Gateway splits the traffic.
    """

    mlflow: str
    cluster: Cluster
    folder: Path
    trained: Path
    by_route: bool = True


@contextmanager
def cluster_installation(folder: Path, mlflow: str, trained: Path) -> Iterator[ClusterInstallation]:
    """A cluster's double whose pods use an MLflow server and a store in a folder.

    Args:
        folder: Where to.
        mlflow: URL of the server.
        trained: Holds trained versions, as the folders `1` and `2`.
    """
    with open_cluster_double(folder, mlflow, gateway=True) as cluster:
        yield ClusterInstallation(mlflow, cluster, folder, trained)


class ClusterWorld(MlflowWorld):
    """A world with a model of its own on a shared cluster.

    In its scripts the platform is what a rollout talks to, the cluster's API: stopped, it refuses
    every request; killed and started again, it refuses some or loses the reply, and the pods of
    versions without a share are evicted.

    Args:
        shared: MLflow and the cluster.
        model: Name of its model.
    """

    def __init__(self, shared: ClusterInstallation, model: str) -> None:
        self._cluster = shared.cluster
        super().__init__(
            model,
            mlflow=shared.mlflow,
            folder=shared.folder,
            trained=shared.trained,
            deployment=deployment_on(shared.cluster, by_route=shared.by_route, ready_seconds=30),
        )
        self.platform, looking = self._platform(self._counting), self._platform(lambda api: api)
        gateway = (
            "gateway.infra" + shared.cluster.gateway_url[shared.cluster.gateway_url.rindex(":") :]
        )
        entry = gateway if shared.by_route else f"{object_name(model)}.slipway-serving.svc:8080"
        self.begin(f"http://{entry}/v2/models/{model}/infer", lambda: looking.served(model))

    def take(self, step: Step) -> None:
        """Take one step."""
        super().take(step)
        if step.do == "platform goes":
            self._cluster.fail(status=503, times=None)
        elif step.do == "platform returns":
            self._cluster.recover()

    def settle(self) -> Any:
        """Let everything answer, then as every world."""
        self._cluster.recover()
        quiet = super().settle()
        self._look_for_left_objects()
        return quiet

    def restart_platform(self) -> None:
        """Let the API stumble, and evict the pods of versions without a share."""
        served = self._look()
        for version in served.keep if served else ():
            for pod in self._cluster.pods(version_selector(self.spec.model, version)):
                self._cluster.evict(pod["metadata"]["name"])
        for stumble in STUMBLES:
            self._cluster.fail(**stumble)

    def remove(self) -> None:
        """Delete the model's objects."""
        self._cluster.recover()
        for kind in KINDS:
            for one in self._cluster.list(kind, {MODEL: self.spec.model}):
                self._cluster.delete(kind, one["metadata"]["name"])

    def _platform(self, use: Any) -> ClusterPlatform:
        cluster, model = self._cluster, self.spec.model
        api = open_cluster(cluster.namespace, kubeconfig=cluster.kubeconfig(), sleep=self.sleep)
        return ClusterPlatform(
            self.spec, use(api), tags=lambda one: self.registry.version(model, one).tags
        )

    def _counting(self, api: Any) -> Any:
        return Port(api, self.writes, names=CLUSTER_WRITES)

    def _look_for_left_objects(self) -> None:
        """No object is left of a version without a share, or of a verification."""
        served = self.platform.served(self.spec.model)
        wanted = {None, *served.weights, *served.keep} if served else {None}
        for kind in KINDS:
            for one in self._cluster.list(kind, {MODEL: self.spec.model}):
                if is_candidate(one) or version_of(one) not in wanted:
                    self.note(f"{kind} {one['metadata']['name']} is left")
