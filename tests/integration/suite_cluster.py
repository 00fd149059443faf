"""The port of the suite: a cluster, and what each kind of cluster does in its own way."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from tests.integration.api import Api

AIRFLOW, ROLLOUT, STAGES, SERVER = (
    "slipway-airflow",
    "slipway-rollout",
    "slipway-stages",
    "slipway-server",
)
"""The service accounts of `docker/kubernetes/base`."""


class SuiteCluster(Protocol):
    """A cluster for the suite.

    Attributes:
        namespace: Namespace of everything that the suite creates.
        image: Holds all of Slipway's parts, moto's S3 server and MLflow.
        admin: API client with the rights of the given kubeconfig.
        gateway: The spec's `gateway`; None: traffic is split by the number of servers.
        patience_s: Time limit until a pod runs, with the pull of its image.
        tries: Number of tries of a stage after transient errors.
    """

    namespace: str
    image: str
    admin: Api
    gateway: dict[str, str] | None
    patience_s: float
    tries: int

    def kubeconfig(self, account: str) -> Path:
        """A kubeconfig of a service account of the namespace."""

    def here(self, service: str, port: int) -> str:
        """A Service's URL as this process reaches it."""

    def lacks_memory(self, pod: str) -> None:
        """Let a container of a pod exceed its memory limit."""

    def counted(self, quota: str) -> None:
        """Return once a ResourceQuota is enforced."""


def inside(cluster: SuiteCluster, service: str, port: int) -> str:
    """A Service's URL inside the cluster, by address: not every client uses the same resolver."""
    found = cluster.admin.find("Service", service)
    assert found is not None, f"there is no Service {service}"
    address = str(found["spec"]["clusterIP"])
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
