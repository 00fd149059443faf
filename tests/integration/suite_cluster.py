"""What the suite stands on: a cluster, and what only its kind of cluster can do in its own way."""

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
    """A cluster that the suite may use.

    Attributes:
        namespace: Of everything that the suite makes.
        image: Holds all of Slipway's parts, moto's S3 server and MLflow.
        admin: The API, with the rights of the given kubeconfig.
        gateway: The spec's `gateway`; None: traffic is split by the number of servers.
        patience_s: How long a pod may take until it runs, its image being pulled.
        tries: How often a stage is tried whose error says that another try may help.
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
        """A container of a pod now uses more than its limit, by its own program."""

    def counted(self, quota: str) -> None:
        """Return once a ResourceQuota is enforced."""


def inside(cluster: SuiteCluster, service: str, port: int) -> str:
    """A Service's URL as pods reach it, by its address: not every client asks the same resolver."""
    found = cluster.admin.find("Service", service)
    assert found is not None, f"there is no Service {service}"
    address = str(found["spec"]["clusterIP"])
    return f"http://[{address}]:{port}" if ":" in address else f"http://{address}:{port}"
