"""Deployments and budgets of the double move as Kubernetes' do."""

from __future__ import annotations

from tests.kubernetes_double import Cluster
from tests.kubernetes_double.own_tests.manifests import APP, available, condition, deployment


def test_a_budget_says_how_many_pods_may_be_moved(cluster: Cluster) -> None:
    """Of two healthy pods one, if one has to stay."""
    cluster.apply(
        {
            "apiVersion": "policy/v1",
            "kind": "PodDisruptionBudget",
            "metadata": {"name": "thing"},
            "spec": {"minAvailable": 1, "selector": {"matchLabels": APP}},
        }
    )
    cluster.apply(deployment("thing", replicas=2))
    available(cluster, "thing", 2)
    cluster.wait(
        "the budget's word",
        lambda: (
            cluster.get("PodDisruptionBudget", "thing").get("status", {}).get("disruptionsAllowed")
            == 1
        ),
    )


def test_a_deployment_says_that_it_makes_no_progress(cluster: Cluster) -> None:
    """After its deadline, and not before; the old pods stay."""
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


def test_a_deployment_says_that_admission_refuses_its_pods(cluster: Cluster) -> None:
    """ReplicaFailure carries the quota's words, and goes when there is room."""
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
    """Their processes die at once; the Deployment is whole again on the node that is left."""
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
    assert len(cluster.processes()) == 2
