"""Deployments move like Kubernetes' own."""

from __future__ import annotations

from tests.kubernetes_double import Cluster
from tests.kubernetes_double.own_tests.manifests import available, condition, deployment


def test_a_deployment_reports_a_missed_deadline(cluster: Cluster) -> None:
    """After its deadline; the old pods stay."""
    broken = deployment("thing", progressDeadlineSeconds=1)
    broken["spec"]["template"]["spec"]["containers"][0]["readinessProbe"]["httpGet"]["path"] = (
        "/bad"
    )
    cluster.apply(broken)
    cluster.wait(
        "the deadline",
        lambda: (
            condition(cluster, "Deployment", "thing", "Progressing").get("reason")
            == "ProgressDeadlineExceeded"
        ),
    )
    assert condition(cluster, "Deployment", "thing", "Available")["status"] == "False"
    [found] = cluster.pods()
    assert "statuscode: 500" in dict(cluster.events(found["metadata"]["name"]))["Unhealthy"]


def test_a_deployment_reports_refused_pods(cluster: Cluster) -> None:
    """ReplicaFailure has the quota's message, until there is room."""
    cluster.quota(pods=0)
    cluster.apply(deployment("thing"))
    refused = cluster.wait(
        "a refusal", lambda: condition(cluster, "Deployment", "thing", "ReplicaFailure")
    )
    assert "exceeded quota" in refused["message"]
    cluster.quota(pods=None)
    available(cluster, "thing", 1)
    assert condition(cluster, "Deployment", "thing", "ReplicaFailure") == {}


def test_pods_of_a_lost_node_start_elsewhere(cluster: Cluster) -> None:
    """Their processes die at once; the Deployment is complete again on the other node."""
    cluster.apply(deployment("thing", replicas=2))
    available(cluster, "thing", 2)
    assert {found["spec"]["nodeName"] for found in cluster.pods()} == {"node-a", "node-b"}
    before = {found["metadata"]["name"] for found in cluster.pods()}
    cluster.lose_node("node-a")
    cluster.wait(
        "another pod", lambda: {found["metadata"]["name"] for found in cluster.pods()} != before
    )
    cluster.wait(
        "two on the node that is left",
        lambda: [found["spec"].get("nodeName") for found in cluster.pods()] == ["node-b"] * 2,
    )
    available(cluster, "thing", 2)
