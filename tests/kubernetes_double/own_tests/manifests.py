"""Small pods and servers, and waits for their states."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tests.kubernetes_double import Cluster

IMAGE = "things:1"
APP = {"app": "thing"}
SERVER = """
import http.server, os, signal, sys, threading
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        good = self.path != "/bad"
        self.send_response(200 if good else 500)
        self.end_headers()
        self.wfile.write(os.environ["WHO"].encode())
    def log_message(self, *_): pass
server = http.server.ThreadingHTTPServer((sys.argv[1], 8080), Handler)
signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
server.serve_forever()
"""


def container(*command: str, name: str = "base", **more: Any) -> dict[str, Any]:
    """A container that restricted Pod Security admits."""
    return {
        "name": name,
        "image": IMAGE,
        "command": list(command),
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        },
        **more,
    }


def pod_spec(*containers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A pod's spec that restricted Pod Security admits."""
    return {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": list(containers),
        **more,
    }


def pod(name: str, *containers: Mapping[str, Any], **more: Any) -> dict[str, Any]:
    """A pod that runs once."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(APP)},
        "spec": pod_spec(*containers, **{"restartPolicy": "Never", **more}),
    }


def server(who: str, **more: Any) -> dict[str, Any]:
    """A container that answers every request with a given text."""
    probe = {"httpGet": {"path": "/", "port": "http"}, "periodSeconds": 1}
    return container(
        *("python", "-c", SERVER, "0.0.0.0"),  # noqa: S104 - the pod's own address
        **{
            "name": "server",
            "env": [{"name": "WHO", "value": who}],
            "ports": [{"name": "http", "containerPort": 8080}],
            "readinessProbe": probe,
            **more,
        },
    )


def deployment(name: str, *, replicas: int = 1, who: str = "", **more: Any) -> dict[str, Any]:
    """A Deployment of such servers."""
    labels = {**APP, "name": name}
    spec = pod_spec(server(who or name), terminationGracePeriodSeconds=5)
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": spec},
            **more,
        },
    }


def service(name: str, **more: Any) -> dict[str, Any]:
    """A Service of a Deployment's pods."""
    ports = [{"name": "http", "port": 8080, "targetPort": "http"}]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name},
        "spec": {"selector": {**APP, "name": name}, "ports": ports, **more},
    }


def ended(cluster: Cluster, name: str) -> dict[str, Any]:
    """A pod's status once it has succeeded or failed."""

    def status() -> dict[str, Any] | None:
        found: dict[str, Any] = cluster.get("Pod", name)["status"]
        return found if found.get("phase") in ("Succeeded", "Failed") else None

    found: dict[str, Any] = cluster.wait(f"{name} ends", status)
    return found


def waits_for(cluster: Cluster, name: str, reason: str) -> dict[str, Any]:
    """State of a pod's first container once it waits for a reason."""

    def waiting() -> dict[str, Any] | None:
        statuses = cluster.get("Pod", name).get("status", {}).get("containerStatuses") or [{}]
        found: dict[str, Any] = statuses[0].get("state", {}).get("waiting", {})
        return found if found.get("reason") == reason else None

    found: dict[str, Any] = cluster.wait(f"{name} waits: {reason}", waiting)
    return found


def running(cluster: Cluster, name: str) -> None:
    """Wait until a pod runs."""
    cluster.wait(
        f"{name} runs",
        lambda: cluster.get("Pod", name).get("status", {}).get("phase") == "Running",
    )


def available(cluster: Cluster, name: str, replicas: int) -> None:
    """Wait until a Deployment's newest template has so many available pods, and no other."""

    def done() -> bool:
        found = cluster.get("Deployment", name)
        status = found.get("status", {})
        counts = {status.get(f"{kind}eplicas") for kind in ("r", "updatedR", "availableR")}
        return counts == {replicas} and (
            status["observedGeneration"] == found["metadata"]["generation"]
        )

    cluster.wait(f"{name} has {replicas} available", done)


def condition(cluster: Cluster, kind: str, name: str, sort: str) -> dict[str, Any]:
    """A condition of an object, or an empty dict."""
    conditions = cluster.get(kind, name).get("status", {}).get("conditions") or ()
    return next((dict(each) for each in conditions if each["type"] == sort), {})
