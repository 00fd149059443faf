"""Pod template of a model server: download a version, serve it, ship its prediction log.

Every container meets the restricted Pod Security standard. Root file systems are read-only; volumes
for writing live as long as the pod, but for the log on a claim.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.adapters.platforms.cluster.manifests.log_volume import (
    RECOVER_SECONDS,
    SCRATCH,
    all_logs,
    durable_answers,
    log_volumes,
    own_log,
)
from slipway.adapters.platforms.cluster.manifests.mounted_files import (
    server_files,
    trusted_keys,
)
from slipway.adapters.platforms.cluster.manifests.names import DIGEST, PORT
from slipway.adapters.platforms.cluster.manifests.resources import Sizing
from slipway.spec.cluster import Cluster
from slipway.spec.pods import Resources

USER = 10001

MODEL_MOUNT = "/var/slipway/model"
# Inside the mount: a mount point itself cannot be replaced by a complete folder.
MODEL_FOLDER = f"{MODEL_MOUNT}/version"

# Nodes and proxies send requests until each is notified of the deletion of the pod.
LEAVE_SECONDS = 5
# Of the server: 5 s for connections already accepted by the kernel, 30 s to drain.
DRAIN_SECONDS = 35
# For the rest of the log, where the store is slow or unavailable.
SHIP_SECONDS = 30
GRACE_SECONDS = LEAVE_SECONDS + DRAIN_SECONDS + SHIP_SECONDS + 5

DOWNLOAD = Resources(cpu="100m", memory="256Mi")
# A full segment of 16 MiB takes 275 MiB at its peak.
SHIPPER = Resources(cpu="50m", memory="256Mi")
SHIPPER_LIMIT = "512Mi"


def server_pod(
    cluster: Cluster,
    model: str,
    *,
    version: int,
    digest: str | None,
    sizing: Sizing,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    ships: bool,
) -> dict[str, Any]:
    """The template of a Deployment's pods.

    Args:
        cluster: Images, accounts and node selector.
        model: Name of the model.
        version: Its version.
        digest: Digest of its manifest, without which it is not served; None: any.
        sizing: Resources of a server.
        labels: Of the pods.
        selector: The labels by which the Deployment selects its pods.
        ships: Whether it serves clients: then it ships the log, and drains before it stops.
    """
    download = _download(cluster, model, version, digest, sizing)
    ships_first = [_recovery(cluster)] if cluster.log_claim else []
    known = {DIGEST: digest} if digest else {}
    return {
        "metadata": {"labels": dict(labels), "annotations": {**_scraped(), **known}},
        "spec": {
            "serviceAccountName": cluster.service_account,
            "automountServiceAccountToken": False,
            # Otherwise a Service named `slipway-…` would set variables that look like settings.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS if ships else DRAIN_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            "nodeSelector": dict(cluster.node_selector),
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": key,
                    # A single node, or a full zone, must not keep a server from starting.
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": dict(selector)},
                }
                for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
            ],
            "initContainers": (
                [*ships_first, download, _shipper(cluster)] if ships else [download]
            ),
            "containers": [_server(cluster, model, version, sizing, logs=ships)],
            "volumes": [*_volumes(cluster), *(log_volumes(cluster) if ships else [])],
        },
    }


def _server(
    cluster: Cluster, model: str, version: int, sizing: Sizing, *, logs: bool
) -> dict[str, Any]:
    options = ["--folder", MODEL_FOLDER, "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104
    args = ["serve", model, "--version", str(version), *options]
    files = server_files(cluster)
    env = {"SLIPWAY_SCRATCH": SCRATCH} | {one.variable: one.path for one in files}
    log = own_log(cluster) if logs else {"mounts": [], "env": []}
    env |= durable_answers(cluster) if logs else {}
    mounts = {"model": MODEL_MOUNT, "scratch": SCRATCH, "tmp": "/tmp"} | {  # noqa: S108
        one.name: one.mount for one in files
    }
    # `preStop` runs before SIGTERM, from which on the server reports itself unready.
    drain = {"lifecycle": {"preStop": {"sleep": {"seconds": LEAVE_SECONDS}}}}
    return {
        **_container("server", cluster.image, args, env, more=log["env"]),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        # Limits and other settings; never the Secret.
        "envFrom": [_config(cluster)],
        "resources": {
            "requests": {"cpu": sizing.cpu, "memory": sizing.memory_request},
            "limits": {"memory": sizing.memory_limit},
        },
        **_probes(sizing),
        **(drain if logs else {}),
        "volumeMounts": [
            *_mounted(mounts, read_only={"model", *(one.name for one in files)}),
            *log["mounts"],
        ],
    }


def _probes(sizing: Sizing) -> dict[str, Any]:
    """Probes: live once the process answers, ready once its model is loaded.

    A model that cannot be loaded is never ready, and the probe's reply has the reason; a restart
    would not help, so only an unresponsive process is restarted, and loading gets its time.
    """
    live = {"httpGet": {"path": "/v2/health/live", "port": "http"}, "timeoutSeconds": 5}
    ready = {"httpGet": {"path": "/v2/health/ready", "port": "http"}, "timeoutSeconds": 2}
    return {
        "startupProbe": {**live, "periodSeconds": 1, "failureThreshold": sizing.startup_seconds},
        "readinessProbe": {**ready, "periodSeconds": 2, "failureThreshold": 3},
        "livenessProbe": {**live, "periodSeconds": 10, "failureThreshold": 6},
    }


def _download(
    cluster: Cluster, model: str, version: int, digest: str | None, sizing: Sizing
) -> dict[str, Any]:
    known = ["--digest", digest] if digest else []
    keys = trusted_keys(cluster)
    args = ["download", model, "--version", str(version), *known, "--into", MODEL_FOLDER]
    return {
        **_container("download", cluster.image, args, {one.variable: one.path for one in keys}),
        "envFrom": [_config(cluster), _secret(cluster)],
        # It holds the largest file of the version in memory.
        "resources": {
            "requests": {"cpu": DOWNLOAD.cpu, "memory": DOWNLOAD.memory},
            "limits": {"memory": sizing.memory_limit},
        },
        "volumeMounts": _mounted(
            {"model": MODEL_MOUNT, "tmp": "/tmp", **{one.name: one.mount for one in keys}},  # noqa: S108
            read_only={one.name for one in keys},
        ),
    }


def _shipper(cluster: Cluster) -> dict[str, Any]:
    """The log shipper, a native sidecar: it starts before the server and stops after it."""
    return {
        **_shipping(cluster, "shipper", ["--patience", str(SHIP_SECONDS)]),
        "restartPolicy": "Always",
    }


def _recovery(cluster: Cluster) -> dict[str, Any]:
    """Ships what lost servers left on the claim, before this one serves.

    Where the store does not answer the server starts even so; its shipper goes on trying.
    """
    return _shipping(cluster, "recover", ["--once", "--patience", str(RECOVER_SECONDS)])


def _shipping(cluster: Cluster, name: str, options: list[str]) -> dict[str, Any]:
    image = cluster.shipper_image or cluster.image
    own, everyones = own_log(cluster), all_logs(cluster)
    args = ["ship", *options, *everyones["options"]]
    return {
        **_container(name, image, args, {"SLIPWAY_SCRATCH": SCRATCH}, more=own["env"]),
        "envFrom": [_config(cluster), _secret(cluster)],
        "resources": {
            "requests": {"cpu": SHIPPER.cpu, "memory": SHIPPER.memory},
            "limits": {"memory": SHIPPER_LIMIT},
        },
        "volumeMounts": [
            *_mounted({"scratch": SCRATCH, "tmp": "/tmp"}),  # noqa: S108
            *own["mounts"],
            *everyones["mounts"],
        ],
    }


def _container(
    name: str,
    image: str,
    args: list[str],
    env: Mapping[str, str],
    *,
    more: Sequence[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    variables = [*({"name": key, "value": value} for key, value in env.items()), *more]
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["slipway"],
        "args": args,
        **({"env": variables} if variables else {}),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }


def _config(cluster: Cluster) -> dict[str, Any]:
    return {"configMapRef": {"name": cluster.config, "optional": True}}


def _secret(cluster: Cluster) -> dict[str, Any]:
    return {"secretRef": {"name": cluster.secret, "optional": True}}


def _volumes(cluster: Cluster) -> list[dict[str, Any]]:
    # No size limit on scratch: exceeding it would evict the pod and lose its log, while a server
    # with a nearly full disk only refuses requests.
    empty: list[dict[str, Any]] = [
        {"name": name, "emptyDir": {}} for name in ("model", "scratch", "tmp")
    ]
    return [*empty, *(one.volume for one in server_files(cluster))]


def _mounted(
    mounts: Mapping[str, str], *, read_only: frozenset[str] | set[str] = frozenset()
) -> list[dict[str, Any]]:
    return [
        {"name": name, "mountPath": path, **({"readOnly": True} if name in read_only else {})}
        for name, path in mounts.items()
    ]


def _scraped() -> dict[str, str]:
    return {
        "prometheus.io/scrape": "true",
        "prometheus.io/port": str(PORT),
        "prometheus.io/path": "/metrics",
    }
