"""Manifests of the suite: `docker/kubernetes/base` under other names, a store, and one model.

The store and MLflow keep their data in their pods; nothing outlives the namespaces. Labels of
namespaces and names of policies are the suite's own, so that a real installation is left alone.
"""

from __future__ import annotations

import base64
import json
import re
import secrets
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml

from tests.integration.api import BINDING, POLICY, Manifest
from tests.integration.suite_cluster import namespace_of

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
PARAMETERS = "slipway-policy"
SUITE = "slipway-suite"
"""Prefix of the label by which policies select the suite's namespaces."""
ORDER = {"Namespace": 0, POLICY: 2, BINDING: 3, "Deployment": 4}
CLIENTS = {"AWS_ALLOW_HTTP": "true", "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION}


def foundation(namespace: str, *, image: str) -> list[Manifest]:
    """Every object that does not depend on the store's address, in an order that can be created.

    Args:
        namespace: Namespace of MLflow and the store; the others' names begin with it.
        image: Of every pod.
    """
    made = [_moved(one, namespace) for one in _written("base", "store") if _is_wanted(one)]
    secret = {"AWS_ACCESS_KEY_ID": KEY, "AWS_SECRET_ACCESS_KEY": SECRET}
    homes = [namespace_of(namespace, part) for part in ("control", "stages", "serving")]
    made += [_data("Secret", "slipway-secrets", home, secret) for home in homes]
    for one in made:
        if one["kind"] == "Deployment":
            _with_image(one, image)
        if one["metadata"]["name"] == PARAMETERS:
            one["data"] |= _parameters(namespace, image)
    clients = {f"{SUITE}/{namespace}": "clients", "slipway/clients": "true"}
    meta = {"name": namespace_of(namespace, "clients"), "labels": clients}
    made += [{"apiVersion": "v1", "kind": "Namespace", "metadata": meta}]
    return sorted(made, key=lambda one: ORDER.get(one["kind"], 1))


def _parameters(namespace: str, image: str) -> dict[str, str]:
    """What the policies compare with: the suite's accounts, its image, and its specs."""
    repository = re.sub(r"(:[^/:@]+)?(@.*)?$", "", image)
    account = "system:serviceaccount"
    return {
        "airflow": f"{account}:{namespace}:slipway-airflow",
        "rollout": f"{account}:{namespace_of(namespace, 'stages')}:slipway-rollout",
        "stage-images": repository,
        "server-images": repository,
        "configs": f"{SETTINGS} {PROJECT_MAP}",
    }


def settings(namespace: str, *, store_url: str, project: Mapping[str, str]) -> list[Manifest]:
    """The environment of stages, servers and shippers, and the specs of the test.

    Args:
        namespace: Namespace of MLflow and the store.
        store_url: URL of the store inside the cluster.
        project: Text of each spec file, by its path below the project.
    """
    values = {
        "SLIPWAY_STORE": ROOT,
        "SLIPWAY_MLFLOW": f"http://{MLFLOW}.{namespace}:{MLFLOW_PORT}",
        "SLIPWAY_PROJECT": PROJECT,
        "SLIPWAY_LOG_ROLL_SECONDS": "5",
        "AWS_ENDPOINT_URL": store_url,
        **CLIENTS,
    }
    files = {_key(path): text for path, text in project.items()}
    stages, serving = (namespace_of(namespace, part) for part in ("stages", "serving"))
    return [
        *(_data("ConfigMap", SETTINGS, home, values) for home in (namespace, stages, serving)),
        _data("ConfigMap", PROJECT_MAP, stages, files),
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


def _written(*parts: str) -> Iterator[Manifest]:
    files = {
        "base": sorted((FOLDER / "base").rglob("*.yaml")),
        "store": [FOLDER / "overlays" / "dev" / "store.yaml"],
    }
    for part in parts:
        for file in files[part]:
            if file.name != "kustomization.yaml":
                found = yaml.safe_load_all(file.read_text())
                yield from (one for one in found if one is not None)


def _is_wanted(one: Manifest) -> bool:
    """Whether the suite deploys an object: it has no database and no volume."""
    return one["kind"] != "PersistentVolumeClaim" and one["metadata"]["name"] != "to-databases"


def _moved(one: Manifest, namespace: str) -> Manifest:
    """The same object under the suite's names, with a store in a pod beside MLflow."""
    label = json.dumps(f"{SUITE}/{namespace}")[1:-1]
    moved: Manifest = json.loads(json.dumps(one).replace("slipway/part", label))
    meta = moved["metadata"]
    homes = {
        home: namespace_of(namespace, part)
        for home, part in (
            ("slipway", "control"),
            ("slipway-stages", "stages"),
            ("slipway-serving", "serving"),
        )
    }
    if "namespace" in meta:
        meta["namespace"] = homes[meta["namespace"]]
    adapt = {
        "Namespace": lambda: meta.update(name=homes[meta["name"]]),
        "RoleBinding": lambda: [
            one.update(namespace=homes[one["namespace"]]) for one in moved["subjects"]
        ],
        POLICY: lambda: meta.update(name=_own_name(meta["name"], namespace)),
        BINDING: lambda: _bind(moved, namespace, homes),
    }.get(one["kind"])
    if adapt is not None:
        adapt()
    if (one["kind"], meta["name"]) == ("ConfigMap", MLFLOW):
        hosts = one["data"]["allowed-hosts"].replace(".slipway", f".{namespace}")
        moved["data"] |= {"allowed-hosts": hosts, "artifacts": f"s3://{BUCKET}/mlflow"}
    if (one["kind"], meta["name"]) == ("NetworkPolicy", "to-store"):
        store = {
            "namespaceSelector": {"matchLabels": {f"{SUITE}/{namespace}": "control"}},
            "podSelector": {"matchLabels": {"app.kubernetes.io/name": STORE}},
        }
        ports = [{"protocol": "TCP", "port": STORE_PORT}]
        moved["spec"]["egress"] = [{"to": [store], "ports": ports}]
    return moved


def _bind(binding: Manifest, namespace: str, homes: Mapping[str, str]) -> None:
    """Let a binding name the suite's policy and its parameters."""
    spec = binding["spec"]
    binding["metadata"]["name"] = _own_name(binding["metadata"]["name"], namespace)
    spec["policyName"] = _own_name(spec["policyName"], namespace)
    if "namespace" in spec["paramRef"]:
        spec["paramRef"]["namespace"] = homes[spec["paramRef"]["namespace"]]


def _own_name(name: str, namespace: str) -> str:
    """The suite's name of a policy, which no installation has."""
    return f"{namespace}-{name.removeprefix('slipway-')}"


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


def to_api_server(
    namespace: str, *, known: Mapping[str, set[int]], by_cilium: bool
) -> Iterator[Manifest]:
    """The policy `rollout-to-api-server` with the addresses of this cluster.

    Args:
        namespace: Namespace of MLflow and the store.
        known: Ports of the API servers by address; empty: any address on the usual ports.
        by_cilium: Whether Cilium enforces it, which ignores addresses of API servers.
    """
    [policy] = [
        _moved(one, namespace)
        for one in _written("base")
        if one["metadata"]["name"] == "rollout-to-api-server"
    ]
    policy["spec"]["egress"] = [
        {
            "to": [{"ipBlock": {"cidr": f"{address}/{128 if ':' in address else 32}"}}],
            "ports": [{"protocol": "TCP", "port": port} for port in sorted(ports)],
        }
        for address, ports in known.items()
    ] or [
        {
            "to": [{"ipBlock": {"cidr": cidr}} for cidr in ("0.0.0.0/0", "::/0")],
            "ports": [{"protocol": "TCP", "port": port} for port in (443, 6443)],
        }
    ]
    yield policy
    if by_cilium:
        yield {
            "apiVersion": "cilium.io/v2",
            "kind": "CiliumNetworkPolicy",
            "metadata": {**policy["metadata"], "name": "rollout-to-this-api-server"},
            "spec": {
                "endpointSelector": policy["spec"]["podSelector"],
                "egress": [{"toEntities": ["kube-apiserver"]}],
            },
        }
