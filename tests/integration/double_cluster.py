"""The suite's cluster in `make integration`: the double, in this process."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import QUIET
from tests.integration.api import Api
from tests.integration.suite_cluster import inside, namespace_of
from tests.kubernetes_double import Cluster

IMAGE = "slipway-integration:0.1.0"
NAMESPACE = "slipway-it-double"
TELEMETRY_AND_THREADS = {
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
    **{name: value for name, value in QUIET.items() if not name.startswith("AIRFLOW_")},
}
"""Environment variables that the image sets."""


class DoubleCluster:
    """The suite's cluster on the double.

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
        """The same address as in pods: all addresses are on this machine."""
        return inside(self, service, port)

    def lacks_memory(self, pod: str) -> None:
        """Kill the container for lack of memory, since the double enforces no limit."""
        self._cluster.oom(pod)

    def counted(self, quota: str) -> None:
        """Return at once: the double counts at every request."""


@contextmanager
def double(folder: Path, *, by_gateway: bool) -> Iterator[DoubleCluster]:
    """The double; all of it is removed afterwards."""
    empty = folder / "base"
    empty.mkdir()
    with Cluster(
        folder=folder / "cluster",
        images={IMAGE},
        gateway=by_gateway,
        base=empty,
        namespace=namespace_of(NAMESPACE, "stages"),
    ) as cluster:
        cluster.environ |= TELEMETRY_AND_THREADS
        with Api(cluster.kubeconfig("admin"), namespace=NAMESPACE) as admin:
            yield DoubleCluster(cluster, admin, by_gateway=by_gateway)
