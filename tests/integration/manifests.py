"""Manifests of the suite's namespace: `docker/kubernetes/base`, a store, and one model.

The store and MLflow keep their data in their pods; nothing outlives the namespace.
"""

from __future__ import annotations

import base64
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.integration.api import Manifest

FOLDER = Path(__file__).resolve().parents[2] / "docker" / "kubernetes"
STORE, STORE_PORT = "slipway-store", 8333
MLFLOW, MLFLOW_PORT = "slipway-mlflow", 5000
BUCKET = "slipway"
ROOT = f"s3://{BUCKET}/store"
REGION = "us-east-1"
KEY, SECRET = "slipway", secrets.token_hex(16)
PROJECT = "/var/slipway/project"
PROJECT_MAP = "slipway-project"
SETTINGS = "slipway-settings"
CLIENTS = {"AWS_ALLOW_HTTP": "true", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


def foundation(namespace: str, *, image: str) -> list[Manifest]:
    """Every object that does not depend on the store's address, in an order that can be created."""
    base = [one for file in ("base", "store") for one in _written(file)]
    made = [_moved(one, namespace) for one in base if _is_wanted(one)]
    secret = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    made += [_data("Secret", "slipway-secrets", namespace, secret)]
    for one in made:
        if one["kind"] == "Deployment":
            _with_image(one, image)
    return made


def settings(namespace: str, *, store_url: str, project: Mapping[str, str]) -> list[Manifest]:
    """The environment of stages, servers and shippers, and the specs of the test.

    Args:
        namespace: Namespace of the objects.
        store_url: URL of the store inside the cluster.
        project: Text of each spec file, by its path below the project.
    """
    values = {
        "SLIPWAY_STORE": ROOT,
        "SLIPWAY_MLFLOW": f"http://{MLFLOW}:{MLFLOW_PORT}",
        "SLIPWAY_PROJECT": PROJECT,
        "SLIPWAY_LOG_ROLL_SECONDS": "5",
        "AWS_ENDPOINT_URL": store_url,
        **CLIENTS,
    }
    files = {_key(path): text for path, text in project.items()}
    return [
        _data("ConfigMap", SETTINGS, namespace, values),
        _data("ConfigMap", PROJECT_MAP, namespace, files),
    ]


def project_volume(project: Mapping[str, str]) -> Manifest:
    """The volume with the specs, as a pod mounts it."""
    items = [{"key": _key(path), "path": path} for path in sorted(project)]
    return {"name": "project", "configMap": {"name": PROJECT_MAP, "items": items}}


def restricted(image: str, command: list[str], **more: Any) -> Manifest:
    """Spec of a pod with one container that restricted Pod Security admits."""
    container = {
        "name": "base",
        "image": image,
        "imagePullPolicy": "IfNotPresent",
        "command": command,
        "resources": {
            "requests": {"cpu": "50m", "memory": "64Mi"},
            "limits": {"memory": "256Mi"},
        },
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        },
    }
    return {
        "restartPolicy": "Never",
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": 10001,
            "runAsGroup": 10001,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
        **more,
    }


def _written(part: str) -> Iterator[Manifest]:
    files = {
        "base": sorted((FOLDER / "base").glob("*.yaml")),
        "store": [FOLDER / "overlays" / "dev" / "store.yaml"],
    }[part]
    found = [
        one
        for file in files
        if file.name != "kustomization.yaml"
        for one in yaml.safe_load_all(file.read_text())
        if one is not None
    ]
    return iter(
        sorted(found, key=lambda one: (one["kind"] != "Namespace", one["kind"] == "Deployment"))
    )


def _is_wanted(one: Manifest) -> bool:
    """Whether the suite deploys an object: it has no database, no volume, and its own settings."""
    unwanted = {("ConfigMap", SETTINGS), ("NetworkPolicy", "to-databases")}
    return one["kind"] != "PersistentVolumeClaim" and (
        (one["kind"], one["metadata"]["name"]) not in unwanted
    )


def _moved(one: Manifest, namespace: str) -> Manifest:
    """The same object in another namespace, with a store in a pod of that namespace."""
    meta = one["metadata"]
    if one["kind"] == "Namespace":
        return {**one, "metadata": {**meta, "name": namespace}}
    moved: Manifest = {**one, "metadata": {**meta, "namespace": namespace}}
    if one["kind"] == "RoleBinding":
        moved["subjects"] = [{**who, "namespace": namespace} for who in one["subjects"]]
    if (one["kind"], meta["name"]) == ("ConfigMap", MLFLOW):
        hosts = one["data"]["allowed-hosts"].replace(".slipway", f".{namespace}")
        moved["data"] = {
            **one["data"],
            "allowed-hosts": hosts,
            "artifacts": f"s3://{BUCKET}/mlflow",
        }
    if (one["kind"], meta["name"]) == ("NetworkPolicy", "to-store"):
        store = {"podSelector": {"matchLabels": {"app.kubernetes.io/name": STORE}}}
        egress = [{"to": [store], "ports": [{"protocol": "TCP", "port": STORE_PORT}]}]
        moved["spec"] = {**one["spec"], "egress": egress}
    return moved


def _with_image(deployment: Manifest, image: str) -> None:
    pod = deployment["spec"]["template"]["spec"]
    [container] = pod["containers"]
    container["image"] = image
    if deployment["metadata"]["name"] == STORE:
        container |= {"command": ["moto_server"], "args": ["-H", "0.0.0.0", "-p", str(STORE_PORT)]}  # noqa: S104 - its pod's
        container["env"] = [{"name": "HOME", "value": "/tmp"}]  # noqa: S108 - its pod's own
        container["volumeMounts"] = [{"name": "tmp", "mountPath": "/tmp"}]  # noqa: S108
        pod["volumes"] = [{"name": "tmp", "emptyDir": {}}]
        return
    # Each worker imports everything once more, and the suite sends one request at a time.
    container["args"] = [one.replace("workers=2", "workers=1") for one in container["args"]]
    for variable in container["env"]:
        if variable["name"] == "MLFLOW_BACKEND_STORE_URI":
            variable |= {"value": "sqlite:////tmp/mlflow.db"}
            variable.pop("valueFrom", None)


def _data(kind: str, name: str, namespace: str, values: Mapping[str, str]) -> Manifest:
    data = dict(values)
    if kind == "Secret":
        data = {key: base64.b64encode(text.encode()).decode() for key, text in values.items()}
    meta = {"name": name, "namespace": namespace}
    return {"apiVersion": "v1", "kind": kind, "metadata": meta, "data": data}


def _key(path: str) -> str:
    return path.replace("/", "_")


def allowed_hosts(namespace: str, *more: str) -> Manifest:
    """MLflow's ConfigMap with further allowed hosts."""
    [written] = [
        one
        for one in _written("base")
        if (one["kind"], one["metadata"]["name"]) == ("ConfigMap", MLFLOW)
    ]
    moved = _moved(written, namespace)
    hosts = ",".join([moved["data"]["allowed-hosts"], *more])
    return {**moved, "data": {**moved["data"], "allowed-hosts": hosts}}


def to_api_server(namespace: str, *, ports: set[int], by_cilium: bool) -> Iterator[Manifest]:
    """Additions to the policy `rollout-to-api-server` that some clusters need.

    Args:
        namespace: Namespace of the pods.
        ports: Ports of the API servers.
        by_cilium: Whether Cilium enforces it, which ignores addresses of API servers.
    """
    [policy] = [
        _moved(one, namespace)
        for one in _written("base")
        if one["metadata"]["name"] == "rollout-to-api-server"
    ]
    meta = {"name": "rollout-to-this-api-server", "namespace": namespace}
    [rule] = policy["spec"]["egress"]
    unknown = ports - {port["port"] for port in rule["ports"]}
    if unknown:
        more = [{"protocol": "TCP", "port": port} for port in sorted(unknown)]
        spec = {**policy["spec"], "egress": [{**rule, "ports": more}]}
        yield {**policy, "metadata": meta, "spec": spec}
    if by_cilium:
        yield {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": meta,
            "spec": {
                "endpointSelector": policy["spec"]["podSelector"],
                "egress": [{"toEntities": ["kube-apiserver"]}],
            },
        }


def clients_to_gateway(namespace: str, gateway: str) -> Manifest:
    """The policy that lets the suite's clients reach a Gateway.

    Args:
        namespace: Namespace of the clients.
        gateway: Namespace of the Gateway.
    """
    peers = {"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": gateway}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": "clients-to-gateway", "namespace": namespace},
        "spec": {
            "podSelector": {"matchLabels": {"slipway/client": "true"}},
            "policyTypes": ["Egress"],
            "egress": [{"to": [peers]}],
        },
    }
