"""The volume of the prediction log: one that ends with the pod, or a claim that outlives it; pure.

On a claim each pod has a folder of its own. A shipper looks through all of them, since a server
that was lost with its node leaves segments there; what a server still writes is locked.
"""

from __future__ import annotations

from typing import Any

from slipway.spec.cluster import Cluster

SCRATCH = "/var/slipway/scratch"
LOG_MOUNT = f"{SCRATCH}/log"
"""The log of this pod's server."""
LOGS_MOUNT = "/var/slipway/logs"
"""The logs of all servers that share the claim."""
VOLUME = "log"
RECOVER_SECONDS = 30


def log_volumes(cluster: Cluster) -> list[dict[str, Any]]:
    """The claim as a volume of the pod; none by default: the log lies in the scratch folder."""
    if cluster.log_claim is None:
        return []
    return [{"name": VOLUME, "persistentVolumeClaim": {"claimName": cluster.log_claim}}]


def own_log(cluster: Cluster) -> dict[str, Any]:
    """Mount and variables with which a container sees the log of its own pod."""
    if cluster.log_claim is None:
        return {"mounts": [], "env": []}
    field = {"apiVersion": "v1", "fieldPath": "metadata.name"}
    name = {"name": "POD_NAME", "valueFrom": {"fieldRef": field}}
    mount = {"name": VOLUME, "mountPath": LOG_MOUNT, "subPathExpr": "$(POD_NAME)"}
    return {"mounts": [mount], "env": [name]}


def all_logs(cluster: Cluster) -> dict[str, Any]:
    """Mount and options with which a shipper sees the logs of all servers."""
    if cluster.log_claim is None:
        return {"mounts": [], "options": []}
    mount = {"name": VOLUME, "mountPath": LOGS_MOUNT}
    return {"mounts": [mount], "options": ["--beside", LOGS_MOUNT]}


def durable_answers(cluster: Cluster) -> dict[str, str]:
    """Variables with which an answer waits until its record is on the claim's disk."""
    return {} if cluster.log_claim is None else {"SLIPWAY_LOG_FSYNC": "true"}
