"""How Deployments and routes stand, read from the status that their controllers write; pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from slipway.adapters.platforms.cluster.manifests.names import MODEL
from slipway.adapters.platforms.cluster.ownership.managed_fields import Manifest

TROUBLES = {"ReplicaFailure": "True", "Progressing": "False", "Available": "False"}
"""Conditions of a Deployment that tell why it is not ready, and with which status they do."""


def replicas_of(deployment: Manifest) -> int:
    """How many servers were asked for."""
    return int(deployment["spec"].get("replicas", 1))


def available(deployment: Manifest | None) -> int:
    """How many of its servers can answer."""
    return (
        0 if deployment is None else int(deployment.get("status", {}).get("availableReplicas", 0))
    )


def running(deployment: Manifest) -> int:
    """How many of its servers run, ready or not, and were not told to stop."""
    return int(deployment.get("status", {}).get("replicas", 0))


def is_observed(manifest: Manifest) -> bool:
    """Whether the controller has taken in what was asked last."""
    seen = manifest.get("status", {}).get("observedGeneration", 0)
    return int(seen) >= int(manifest["metadata"].get("generation", 0))


def is_ready(deployment: Manifest | None, at_least: int) -> bool:
    """Whether so many servers as it describes now can answer."""
    if deployment is None or not is_observed(deployment):
        return False
    updated = int(deployment.get("status", {}).get("updatedReplicas", 0))
    return min(updated, available(deployment)) >= at_least


def is_given_up(deployment: Manifest | None) -> bool:
    """Whether nothing more is to be waited for: it was deleted, or its controller gave up."""
    if deployment is None:
        return True
    if not is_observed(deployment):
        return False
    return any(
        condition.get("reason") == "ProgressDeadlineExceeded"
        for condition in _conditions(deployment)
    )


def is_refused_pods(deployment: Manifest | None) -> bool:
    """Whether its pods cannot even be made: a quota, or a rule of the namespace."""
    return deployment is not None and any(
        condition["type"] == "ReplicaFailure" and condition["status"] == "True"
        for condition in _conditions(deployment)
    )


def in_words(deployment: Manifest | None) -> str:
    """How many of how many servers can answer, and what its conditions say."""
    if deployment is None:
        return "there is no such Deployment"
    wanted, ready = replicas_of(deployment), available(deployment)
    updated = int(deployment.get("status", {}).get("updatedReplicas", 0))
    said = [f"{ready} of {wanted} servers are ready"]
    if updated < wanted <= ready:
        said.append(f"{updated} of {wanted} were started as it is described now")
    for condition in _conditions(deployment):
        if TROUBLES.get(condition["type"]) == condition["status"]:
            text = condition.get("message") or condition["status"]
            said.append(f"{condition.get('reason') or condition['type']}: {text}")
    return "; ".join(said)


def hint_of(namespace: str, model: str) -> str:
    """How a person sees why pods do not become ready."""
    return (
        f"kubectl --namespace {namespace} describe pods --selector {MODEL}={model}; an image that "
        "cannot be pulled, a crash, or no room on any node shows there"
    )


def route_trouble(route: Manifest | None, gateway: Mapping[str, str]) -> str | None:
    """Why a route is not in force at its gateway, or None.

    Args:
        route: As it was read.
        gateway: Its reference to the gateway.
    """
    if route is None:
        return "there is no such route"
    said = list(_parents(route, gateway["name"]))
    if not said:
        return f"no controller has said anything of it yet; is there a Gateway {gateway['name']}?"
    for wanted in ("Accepted", "ResolvedRefs"):
        found = [one for one in said if one.get("type") == wanted]
        if not found or int(found[0].get("observedGeneration", 0)) < _generation(route):
            return f"the gateway has not said {wanted} of its present state"
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
