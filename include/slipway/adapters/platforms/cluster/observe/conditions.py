"""Read readiness of Deployments and routes from the status of their controllers; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import MODEL

NOT_READY_CONDITIONS = {"ReplicaFailure": "True", "Progressing": "False", "Available": "False"}
"""Conditions of a Deployment that explain why it is not ready, each with the status that does."""


def replicas_of(deployment: Manifest) -> int:
    """The desired number of servers."""
    return int(deployment["spec"].get("replicas", 1))


def available(deployment: Manifest | None) -> int:
    """The number of servers that are ready to answer."""
    return (
        0 if deployment is None else int(deployment.get("status", {}).get("availableReplicas", 0))
    )


def running(deployment: Manifest) -> int:
    """The number of servers that run, ready or not, and are not being stopped."""
    return int(deployment.get("status", {}).get("replicas", 0))


def is_observed(manifest: Manifest) -> bool:
    """Whether the controller has observed the latest generation of the spec."""
    seen = manifest.get("status", {}).get("observedGeneration", 0)
    return int(seen) >= int(manifest["metadata"].get("generation", 0))


def is_ready(deployment: Manifest | None, at_least: int) -> bool:
    """Whether enough servers of the present pod template are ready."""
    if deployment is None or not is_observed(deployment):
        return False
    updated = int(deployment.get("status", {}).get("updatedReplicas", 0))
    return min(updated, available(deployment)) >= at_least


def is_given_up(deployment: Manifest | None) -> bool:
    """Whether waiting is useless: it was deleted, or its controller exceeded the deadline."""
    if deployment is None:
        return True
    if not is_observed(deployment):
        return False
    return any(
        condition.get("reason") == "ProgressDeadlineExceeded"
        for condition in _conditions(deployment)
    )


def cannot_create_pods(deployment: Manifest | None) -> bool:
    """Whether its pods cannot be created: a quota or an admission rule refuses them."""
    return deployment is not None and any(
        condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        for condition in _conditions(deployment)
    )


def format_deployment(deployment: Manifest | None) -> str:
    """Format ready and desired servers, and the conditions that explain the difference."""
    if deployment is None:
        return "there is no such Deployment"
    wanted, ready = replicas_of(deployment), available(deployment)
    updated = int(deployment.get("status", {}).get("updatedReplicas", 0))
    parts = [f"{ready} of {wanted} servers are ready"]
    if updated < wanted <= ready:
        parts.append(f"{updated} of {wanted} have the present pod template")
    for condition in _conditions(deployment):
        if NOT_READY_CONDITIONS.get(condition["type"]) == condition["status"]:
            text = condition.get("message") or condition["status"]
            parts.append(f"{condition.get('reason') or condition['type']}: {text}")
    return "; ".join(parts)


def pods_hint(namespace: str, model: str) -> str:
    """The command that shows why pods do not become ready."""
    return (
        f"kubectl --namespace {namespace} describe pods --selector {MODEL}={model}; it shows an "
        "image that cannot be pulled, a crash, or nodes without capacity"
    )


def route_problem(route: Manifest | None, gateway: Mapping[str, str]) -> str | None:
    """Reason why a route is not in force at its gateway, or None.

    Args:
        route: The route as read.
        gateway: Its reference to the gateway.
    """
    if route is None:
        return "there is no such route"
    conditions = list(_parents(route, gateway["name"]))
    if not conditions:
        return f"it has no status yet; check that there is a Gateway {gateway['name']}"
    for wanted in ("Accepted", "ResolvedRefs"):
        found = [one for one in conditions if one.get("type") == wanted]
        if not found or int(found[0].get("observedGeneration", 0)) < _generation(route):
            return f"the gateway has not reported {wanted} for its latest generation"
        if found[0].get("status") != "True":
            return f"{wanted}: {found[0].get('reason')}: {found[0].get('message')}"
    return None


def _parents(route: Manifest, gateway: str) -> Iterator[Mapping[str, Any]]:
    for parent in route.get("status", {}).get("parents") or []:
        if parent.get("parentRef", {}).get("name") == gateway:
            yield from parent.get("conditions") or []


def _generation(manifest: Manifest) -> int:
    return int(manifest["metadata"].get("generation", 0))


def _conditions(manifest: Manifest) -> list[Mapping[str, Any]]:
    return list(manifest.get("status", {}).get("conditions") or [])
