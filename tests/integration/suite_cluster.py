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

PARTS = ("control", "stages", "serving", "clients")
"""Namespaces of the suite: those of the base, and one for clients of a model."""
HOMES = {AIRFLOW: "control", ROLLOUT: "stages", STAGES: "stages", SERVER: "serving"}
"""Where each account is."""


def namespace_of(stem: str, part: str) -> str:
    """Name of a namespace of the suite.

    Args:
        stem: Name of the one of Airflow, MLflow and the store.
        part: One of `PARTS`.
    """
    return stem if part == "control" else f"{stem}-{part}"


class SuiteCluster(Protocol):
    """A cluster for the suite.

    Attributes:
        namespace: Namespace of MLflow and the store; the names of all others begin with it.
        image: Holds all of Slipway's parts, moto's S3 server and MLflow.
        admin: API client with the rights of the given kubeconfig, for that namespace.
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
        """A kubeconfig of a service account of the base."""

    def here(self, service: str, port: int) -> str:
        """The URL of a Service beside MLflow as this process reaches it."""

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
