"""Manifests, and requests by the public client."""

from __future__ import annotations

import json
from contextlib import closing
from typing import Any

import pytest
from kubernetes import client
from kubernetes.client import ApiClient, ApiException, Configuration

from tests.kubernetes_double.api.server import Api

NAMESPACE = "slipway"
ACCOUNT = "slipway-rollout"
LABELS = {"slipway/model": "delay", "slipway/version": "3"}
SECURE = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(name: str = "fit", **spec: Any) -> dict[str, Any]:
    """A pod that every namespace admits."""
    container = {"name": "base", "image": "stages:1", "securityContext": SECURE}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(LABELS)},
        "spec": {"restartPolicy": "Never", "containers": [container]} | spec,
    }


def deployment(*, replicas: int = 2, **env: str) -> dict[str, Any]:
    """The Deployment of a version."""
    container = {
        "name": "server",
        "image": "server:1",
        "ports": [{"containerPort": 8080, "name": "http"}],
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "delay-v3", "labels": dict(LABELS)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(LABELS)},
            "template": {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [container]}},
        },
    }


def service(**changes: Any) -> dict[str, Any]:
    """The entry point of a model."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "delay", "annotations": {"slipway/token": "7"}},
        "spec": {"selector": dict(LABELS), "ports": [{"name": "http", "port": 8080}]} | changes,
    }


def route(weight: int) -> dict[str, Any]:
    """A route with a weight for version 3."""
    backends = [
        {"name": "delay-v3", "port": 8080, "weight": weight},
        {"name": "delay-v2", "port": 8080, "weight": 100 - weight},
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "delay"},
        "spec": {"parentRefs": [{"name": "front"}], "rules": [{"backendRefs": backends}]},
    }


def connected(api: Api, token: str) -> ApiClient:
    """A client with a token."""
    settings = Configuration(host=api.url)
    settings.api_key = {"authorization": f"Bearer {token}"}
    settings.retries = False
    return ApiClient(settings)


def ask(
    admin: ApiClient,
    method: str,
    path: str,
    body: Any = None,
    *,
    content_type: str = "application/json",
    **query: str,
) -> dict[str, Any]:
    """The response to a request, as plain JSON."""
    data, _, _ = admin.call_api(
        path,
        method,
        query_params=list(query.items()),
        header_params={"Content-Type": content_type, "Accept": "application/json"},
        body=body,
        auth_settings=["BearerToken"],
        response_types_map={200: "object", 201: "object"},
    )
    found: dict[str, Any] = data
    return found


def apply(
    admin: ApiClient, manifest: dict[str, Any], *, manager: str = "slipway", **query: str
) -> dict[str, Any]:
    """Apply an object."""
    group = manifest["apiVersion"]
    root = "/api/v1" if group == "v1" else f"/apis/{group}"
    plural = f"{manifest['kind'].lower()}s"
    path = f"{root}/namespaces/{NAMESPACE}/{plural}/{manifest['metadata']['name']}"
    return ask(
        admin,
        "PATCH",
        path,
        manifest,
        content_type="application/apply-patch+yaml",
        fieldManager=manager,
        **query,
    )


def log_of(core: client.CoreV1Api, **options: Any) -> str:
    """Log of a container; the client's own decoding would change it."""
    response = core.read_namespaced_pod_log("fit", NAMESPACE, _preload_content=False, **options)
    with closing(response):
        text: str = response.data.decode()
    return text


def status_of(caught: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    """The `Status` of an error."""
    found: dict[str, Any] = json.loads(caught.value.body)
    return found


def managers(obj: dict[str, Any]) -> dict[str, Any]:
    """Owned fields by manager."""
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}
