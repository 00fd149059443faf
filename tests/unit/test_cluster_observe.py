"""Readiness and shares, from the status of Deployments and routes."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.observe.conditions import (
    cannot_create_pods,
    format_deployment,
    is_given_up,
    is_ready,
    route_problem,
)
from slipway.adapters.platforms.cluster.observe.live_state import LiveState


def deployment(replicas: int = 2, **status: Any) -> dict[str, Any]:
    """A Deployment whose controller has observed its second generation."""
    return {
        "kind": "Deployment",
        "metadata": {"name": "m-v3", "generation": 2, "resourceVersion": "7"},
        "spec": {"replicas": replicas},
        "status": {"observedGeneration": 2, **status},
    }


def condition(kind: str, status: str, reason: str, message: str) -> dict[str, str]:
    """A condition."""
    return {"type": kind, "status": status, "reason": reason, "message": message}


def test_the_reason_of_an_unready_deployment() -> None:
    """Number of ready servers, and messages of its conditions."""
    refused = condition("ReplicaFailure", "True", "FailedCreate", "exceeded quota: pods=2")
    late = condition("Progressing", "False", "ProgressDeadlineExceeded", "has timed out")
    well = condition("Progressing", "True", "ReplicaSetUpdated", "is progressing")
    found = deployment(availableReplicas=1, conditions=[refused, well])
    assert format_deployment(found) == (
        "1 of 2 servers are ready; FailedCreate: exceeded quota: pods=2"
    )
    assert cannot_create_pods(found)
    assert not is_given_up(found)
    assert is_given_up(deployment(conditions=[late]))
    assert is_given_up(None)
    assert not cannot_create_pods(None)
    assert format_deployment(None) == "there is no such Deployment"
    old = deployment(availableReplicas=2, updatedReplicas=1)
    assert format_deployment(old) == (
        "2 of 2 servers are ready; 1 of 2 have the present pod template"
    )


def test_readiness_of_an_older_generation_does_not_count() -> None:
    """Availability of an older generation does not count."""
    whole = {"availableReplicas": 2, "updatedReplicas": 2}
    assert is_ready(deployment(**whole), 2)
    assert not is_ready(deployment(**{**whole, "updatedReplicas": 1}), 2)
    assert not is_ready({**deployment(**whole), "status": {**whole, "observedGeneration": 1}}, 2)
    assert not is_ready(None, 0)


def route(*conditions: dict[str, Any], gateway: str = "gate") -> dict[str, Any]:
    """A route with conditions of a gateway."""
    parents = [{"parentRef": {"name": gateway}, "conditions": list(conditions)}]
    return {"metadata": {"generation": 4}, "status": {"parents": parents}}


def test_a_route_is_in_force_once_its_gateway_says_so() -> None:
    """Both conditions, of the present generation, by its own gateway."""

    def reported(kind: str, status: str = "True", seen: int = 4) -> dict[str, Any]:
        return {**condition(kind, status, "Why", "because"), "observedGeneration": seen}

    gate = {"name": "gate"}
    accepted, resolved = reported("Accepted"), reported("ResolvedRefs")
    assert route_problem(route(accepted, resolved), gate) is None
    assert route_problem(None, gate) == "there is no such route"
    for found, words in (
        (route(accepted, resolved, gateway="other"), "it has no status yet"),
        (route(accepted), "has not reported ResolvedRefs for its latest generation"),
        (
            route(reported("Accepted", seen=3), resolved),
            "has not reported Accepted for its latest generation",
        ),
        (route(reported("Accepted", "False"), resolved), "Accepted: Why: because"),
    ):
        assert words in str(route_problem(found, gate))


def test_shares_by_numbers_of_servers_are_those_that_can_answer() -> None:
    """Without any, the requested shares; a lost version has none of the requests."""
    entry = {
        "kind": "Service",
        "metadata": {"annotations": Traffic(1, {3: 0.5, 2: 0.5}).annotations()},
        "spec": {
            "selector": {
                "app.kubernetes.io/name": "slipway-server",
                "slipway/model": "m",
                "slipway/lane": "entry",
            }
        },
    }

    def live(**ready: int) -> LiveState:
        deployments = {int(name[1:]): deployment(availableReplicas=n) for name, n in ready.items()}
        return LiveState("m", by_route=False, entry=entry, deployments=deployments)

    assert live(v2=2, v3=1).weights == pytest.approx({2: 2 / 3, 3: 1 / 3})
    assert live(v2=2, v3=0).weights == {2: 1.0, 3: 0.0}
    assert live(v2=0, v3=0).weights == {2: 0.5, 3: 0.5}
    assert live(v2=2, v3=0).healthy == {2: True, 3: False}
