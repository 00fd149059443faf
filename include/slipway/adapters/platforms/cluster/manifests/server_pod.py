"""The pod of a model server: it fetches its version, serves it, and ships its log.

Every container fulfils the restricted Pod Security standard. A container's own disk is read-only;
what it writes lies on volumes that live as long as the pod does.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.adapters.platforms.cluster.manifests.names import PORT
from slipway.adapters.platforms.cluster.manifests.resources import Sizing
from slipway.spec.cluster import Cluster
from slipway.spec.pods import Resources

USER = 10001
READABLE_BY_GROUP = 0o440

MODEL_MOUNT = "/var/slipway/model"
# Inside the mount: a mount point itself cannot be replaced by a folder that is complete.
MODEL_FOLDER = f"{MODEL_MOUNT}/version"
SCRATCH = "/var/slipway/scratch"
TOKENS_MOUNT = "/etc/slipway/tokens"
PII_MOUNT = "/etc/slipway/pii"

# Until every node and proxy has heard that a pod is going, they still send it requests.
LEAVE_SECONDS = 5
# The server answers what was begun: 5 s to take in who had connected, 30 s to drain.
DRAIN_SECONDS = 35
# What the shipper has left for the rest of the log, where the store is slow or away.
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
    sizing: Sizing,
    labels: Mapping[str, str],
    selector: Mapping[str, str],
    ships: bool,
) -> dict[str, Any]:
    """The template of a Deployment's pods.

    Args:
        cluster: Images, accounts, and where it may run.
        model: Name of the model.
        version: Its version.
        sizing: What a server asks for.
        labels: Of the pods.
        selector: Those of the labels that pods of the same Deployment share.
        ships: Whether clients are answered: then the log is shipped, and the pod leaves slowly.
    """
    download = _download(cluster, model, version, sizing)
    return {
        "metadata": {"labels": dict(labels), "annotations": _scraped()},
        "spec": {
            "serviceAccountName": cluster.service_account,
            "automountServiceAccountToken": False,
            # A Service called `slipway-…` would else set variables that look like settings.
            "enableServiceLinks": False,
            "terminationGracePeriodSeconds": GRACE_SECONDS if ships else DRAIN_SECONDS,
            "securityContext": {
                "runAsNonRoot": True,
                "runAsUser": USER,
                "runAsGroup": USER,
                "fsGroup": USER,
                "seccompProfile": {"type": "RuntimeDefault"},
            },
            **({"nodeSelector": dict(cluster.node_selector)} if cluster.node_selector else {}),
            "topologySpreadConstraints": [
                {
                    "maxSkew": 1,
                    "topologyKey": key,
                    # One node, or one zone that is full, must not keep a server from starting.
                    "whenUnsatisfiable": "ScheduleAnyway",
                    "labelSelector": {"matchLabels": dict(selector)},
                }
                for key in ("kubernetes.io/hostname", "topology.kubernetes.io/zone")
            ],
            "initContainers": [download, _shipper(cluster)] if ships else [download],
            "containers": [_server(cluster, model, version, sizing, leaves_slowly=ships)],
            "volumes": _volumes(cluster),
        },
    }


def _server(
    cluster: Cluster, model: str, version: int, sizing: Sizing, *, leaves_slowly: bool
) -> dict[str, Any]:
    place = ["--folder", MODEL_FOLDER, "--host", "0.0.0.0", "--port", str(PORT)]  # noqa: S104
    args = ["serve", model, "--version", str(version), *place]
    env = {"SLIPWAY_SCRATCH": SCRATCH} | {
        variable: f"{mount}/{key}" for _, mount, key, variable in _secrets(cluster)
    }
    mounts = {"model": MODEL_MOUNT, "scratch": SCRATCH, "tmp": "/tmp"} | {  # noqa: S108
        name: mount for name, mount, _, _ in _secrets(cluster)
    }
    # `preStop` runs before SIGTERM; the server itself is unready from SIGTERM on.
    leaving = {"lifecycle": {"preStop": {"sleep": {"seconds": LEAVE_SECONDS}}}}
    return {
        **_container("server", cluster.image, args, env),
        "ports": [{"name": "http", "containerPort": PORT, "protocol": "TCP"}],
        # Limits and other settings; never the Secret.
        "envFrom": [_config(cluster)],
        "resources": {
            "requests": {"cpu": sizing.cpu, "memory": sizing.memory_request},
            "limits": {"memory": sizing.memory_limit},
        },
        **_probes(sizing),
        **(leaving if leaves_slowly else {}),
        "volumeMounts": _mounted(mounts, read_only={"model", "tokens", "pii"}),
    }


def _probes(sizing: Sizing) -> dict[str, Any]:
    """Live says that the process answers, ready that its model does.

    A model that cannot be loaded is never ready and says why; starting it again would not help,
    so only the process itself is started again, and one that is busy loading gets its time.
    """
    live = {"httpGet": {"path": "/v2/health/live", "port": "http"}, "timeoutSeconds": 5}
    ready = {"httpGet": {"path": "/v2/health/ready", "port": "http"}, "timeoutSeconds": 2}
    return {
        "startupProbe": {**live, "periodSeconds": 1, "failureThreshold": sizing.startup_seconds},
        "readinessProbe": {**ready, "periodSeconds": 2, "failureThreshold": 3},
        "livenessProbe": {**live, "periodSeconds": 10, "failureThreshold": 6},
    }


def _download(cluster: Cluster, model: str, version: int, sizing: Sizing) -> dict[str, Any]:
    args = ["download", model, "--version", str(version), "--into", MODEL_FOLDER]
    return {
        **_container("download", cluster.image, args, {}),
        "envFrom": [_config(cluster), _secret(cluster)],
        # It holds the largest file of the version in memory, as the server holds the model.
        "resources": {
            "requests": {"cpu": DOWNLOAD.cpu, "memory": DOWNLOAD.memory},
            "limits": {"memory": sizing.memory_limit},
        },
        "volumeMounts": _mounted({"model": MODEL_MOUNT, "tmp": "/tmp"}),  # noqa: S108
    }


def _shipper(cluster: Cluster) -> dict[str, Any]:
    """A native sidecar: it starts before the server, and is told to stop after it has ended."""
    image = cluster.shipper_image or cluster.image
    env = {"SLIPWAY_SCRATCH": SCRATCH}
    return {
        **_container("shipper", image, ["ship", "--patience", str(SHIP_SECONDS)], env),
        "restartPolicy": "Always",
        "envFrom": [_config(cluster), _secret(cluster)],
        "resources": {
            "requests": {"cpu": SHIPPER.cpu, "memory": SHIPPER.memory},
            "limits": {"memory": SHIPPER_LIMIT},
        },
        "volumeMounts": _mounted({"scratch": SCRATCH, "tmp": "/tmp"}),  # noqa: S108
    }


def _container(name: str, image: str, words: list[str], env: Mapping[str, str]) -> dict[str, Any]:
    return {
        "name": name,
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": ["slipway"],
        "args": words,
        **({"env": [{"name": key, "value": value} for key, value in env.items()]} if env else {}),
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


def _secrets(cluster: Cluster) -> list[tuple[str, str, str, str]]:
    """Secrets that the server reads as files: volume, mount, entry, and its variable.

    They are not optional: a server without its tokens file would answer anybody.
    """
    asked = [
        ("tokens", TOKENS_MOUNT, "tokens", "SLIPWAY_TOKENS_FILE", cluster.tokens_secret),
        ("pii", PII_MOUNT, "key", "SLIPWAY_PII_KEY_FILE", cluster.pii_key_secret),
    ]
    return [(name, mount, key, variable) for name, mount, key, variable, secret in asked if secret]


def _volumes(cluster: Cluster) -> list[dict[str, Any]]:
    # No size limit on scratch: a pod that exceeds one is evicted, and its log with it, while a
    # server that sees the disk nearly full only refuses.
    volumes: list[dict[str, Any]] = [
        {"name": name, "emptyDir": {}} for name in ("model", "scratch", "tmp")
    ]
    names = {"tokens": cluster.tokens_secret, "pii": cluster.pii_key_secret}
    for name, _, key, _ in _secrets(cluster):
        items = [{"key": key, "path": key}]
        secret = {"secretName": names[name], "defaultMode": READABLE_BY_GROUP, "items": items}
        volumes.append({"name": name, "secret": secret})
    return volumes


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
