"""The suite's ground in `make integration`: the double of a cluster, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import QUIET
from tests.integration.api import Api
from tests.integration.suite_cluster import inside
from tests.kubernetes_double import Cluster

IMAGE = "slipway-integration:0.1.0"
NAMESPACE = "slipway-it-double"
TELEMETRY_AND_THREADS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    **{name: value for name, value in QUIET.items() if not name.startswith("AIRFLOW_")},
}
"""What the image's own environment says."""


class NamespacedCluster(Cluster):
    """The double, with a namespace that is not the default of any spec."""

    namespace = NAMESPACE


class DoubleCluster:
    """The ground on the double.

    Args:
        cluster: The double.
        admin: Its API.
        by_gateway: Whether it has the Gateway API.
    """

    namespace, image, patience_s, tries = NAMESPACE, IMAGE, 120.0, 1

    def __init__(self, cluster: Cluster, admin: Api, *, by_gateway: bool) -> None:
        self.admin = admin
        self._cluster = cluster
        self.gateway: dict[str, str] | None = None
        if by_gateway:
            port = cluster.gateway_url.rpartition(":")[2]
            url = f"http://gateway.infra:{port}"
            self.gateway = {"name": "gateway", "namespace": "infra", "url": url}

    def kubeconfig(self, account: str) -> Path:
        """A kubeconfig of a service account."""
        return self._cluster.kubeconfig(account)

    def here(self, service: str, port: int) -> str:
        """The same address as pods use: all of them are this machine's."""
        return inside(self, service, port)

    def lacks_memory(self, pod: str) -> None:
        """The double enforces no limit, so it is told."""
        self._cluster.oom(pod)

    def counted(self, quota: str) -> None:
        """The double counts at every request."""


@contextmanager
def double(folder: Path, *, by_gateway: bool) -> Iterator[DoubleCluster]:
    """The double as ground; nothing of it is left afterwards."""
    empty = folder / "base"
    empty.mkdir()
    with NamespacedCluster(
        folder=folder / "cluster", images={IMAGE}, gateway=by_gateway, base=empty
    ) as cluster:
        cluster.environ |= TELEMETRY_AND_THREADS
        with Api(cluster.kubeconfig("admin"), namespace=NAMESPACE) as admin:
            yield DoubleCluster(cluster, admin, by_gateway=by_gateway)
