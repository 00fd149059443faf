"""Services, names and a Gateway connect like Kubernetes' own."""

from __future__ import annotations

import socket
import time
from collections import Counter
from typing import Any

import httpx
import pytest

from tests.kubernetes_double import Cluster
from tests.kubernetes_double.own_tests.manifests import (
    APP,
    available,
    container,
    deployment,
    ended,
    pod,
    service,
)


def test_a_deployment_answers_at_its_services_address_and_name(cluster: Cluster) -> None:
    """Requests reach every ready pod, by address and by each form of the name."""
    cluster.apply(service("thing"))
    cluster.apply(service("thing-pods", clusterIP="None", selector=APP))
    with cluster.names(), pytest.raises(socket.gaierror):
        socket.getaddrinfo("thing-pods", 8080)
    cluster.apply(deployment("thing", replicas=2))
    available(cluster, "thing", 2)
    conditions = {
        each["type"]: each["reason"]
        for each in cluster.get("Deployment", "thing")["status"]["conditions"]
    }
    assert conditions == {
        "Available": "MinimumReplicasAvailable",
        "Progressing": "NewReplicaSetAvailable",
    }
    with cluster.names():
        cluster.wait("both pods have a name", lambda: len(_addresses("thing-pods")) == 2)
        address = cluster.get("Service", "thing")["spec"]["clusterIP"]
        cluster.wait("it answers", lambda: not _refuses(address))
        for name in ("thing", "thing.slipway", "thing.slipway.svc.cluster.local"):
            assert httpx.get(f"http://{name}:8080/").text == "thing"
    cluster.delete("Deployment", "thing")
    cluster.wait("its pods go with it", lambda: not cluster.pods())
    cluster.wait("the address refuses connections", lambda: _refuses(address))


def _addresses(name: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, 8080)}
    except socket.gaierror:
        return set()


def _refuses(address: str) -> bool:
    try:
        httpx.get(f"http://{address}:8080/")
    except httpx.ConnectError:
        return True
    return False


def test_names_are_found_inside_pods(cluster: Cluster) -> None:
    """A pod's Python resolves a Service's name."""
    cluster.apply(service("thing"))
    cluster.apply(deployment("thing"))
    available(cluster, "thing", 1)
    address = cluster.get("Service", "thing")["spec"]["clusterIP"]
    cluster.wait("it answers", lambda: not _refuses(address))
    ask = "from urllib.request import urlopen; print(urlopen('http://thing:8080/').read())"
    cluster.apply(pod("request", container("python", "-c", ask)))
    assert ended(cluster, "request")["phase"] == "Succeeded", cluster.log("request", "base")
    assert cluster.log("request", "base") == "b'thing'"


def test_a_rolling_update_loses_no_request(cluster: Cluster) -> None:
    """Old pods end when new ones are ready; preStop covers the delay of endpoints."""
    cluster.apply(service("thing"))
    made = deployment("thing", replicas=2, who="old")
    made["spec"]["template"]["spec"]["containers"][0]["lifecycle"] = {
        "preStop": {"sleep": {"seconds": 1}}
    }
    cluster.apply(made)
    available(cluster, "thing", 2)
    address = cluster.get("Service", "thing")["spec"]["clusterIP"]
    cluster.wait("it answers", lambda: not _refuses(address))
    made["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] = "new"
    cluster.apply(made)
    answers: Counter[str] = Counter()
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline and answers["new"] < 60:
        answer = httpx.get(f"http://{address}:8080/")
        answers[answer.text if answer.is_success else "failed"] += 1
    assert set(answers) == {"old", "new"}
    available(cluster, "thing", 2)
    assert len(cluster.list("ReplicaSet")) == 2


def route(**weights: int) -> dict[str, Any]:
    """An HTTPRoute of the Gateway with weights of Services."""
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "things"},
        "spec": {
            "parentRefs": [{"name": "gateway", "namespace": "infra"}],
            "hostnames": ["things.example.org"],
            "rules": [
                {
                    "backendRefs": [
                        {"name": name, "port": 8080, "weight": weight}
                        for name, weight in weights.items()
                    ]
                }
            ],
        },
    }


def accepted(cluster: Cluster) -> dict[str, str]:
    """Reasons of a route's conditions once the Gateway has observed its newest generation."""

    def seen() -> dict[str, str] | None:
        found = cluster.get("HTTPRoute", "things")
        for parent in found.get("status", {}).get("parents") or ():
            newest = found["metadata"]["generation"]
            if all(each["observedGeneration"] == newest for each in parent["conditions"]):
                return {each["type"]: each["reason"] for each in parent["conditions"]}
        return None

    found: dict[str, str] = cluster.wait("the Gateway's conditions", seen)
    return found


def test_a_route_shares_requests_by_weight(cluster: Cluster) -> None:
    """Three to one; 503 for a backend without a pod, 500 for a missing Service."""
    for name in ("one", "two", "empty"):
        cluster.apply(service(name))
    cluster.apply(deployment("one"))
    cluster.apply(deployment("two"))
    available(cluster, "one", 1)
    available(cluster, "two", 1)
    cluster.apply(route(one=3, two=1))
    assert accepted(cluster) == {"Accepted": "Accepted", "ResolvedRefs": "ResolvedRefs"}
    cluster.wait("both answer", lambda: {_ask(cluster).text for _ in range(9)} == {"one", "two"})
    with httpx.Client(headers={"host": "things.example.org"}) as client:
        answers = Counter(client.get(cluster.gateway_url).text for _ in range(200))
    assert set(answers) == {"one", "two"}
    assert 25 <= answers["two"] <= 80
    cluster.apply(route(empty=1))
    accepted(cluster)
    assert _ask(cluster).status_code == 503
    cluster.apply(route(nowhere=1))
    assert accepted(cluster)["ResolvedRefs"] == "BackendNotFound"
    assert _ask(cluster).status_code == 500
    assert httpx.get(cluster.gateway_url).status_code == 404


def _ask(cluster: Cluster) -> httpx.Response:
    return httpx.get(cluster.gateway_url, headers={"host": "things.example.org"})
