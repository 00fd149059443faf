"""Rights of each service account, by access reviews, and pods that the namespace refuses."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from kubernetes.client import ApiException

from tests.integration import manifests
from tests.integration.api import Api
from tests.integration.project import ClusterProject
from tests.integration.suite_cluster import AIRFLOW, ROLLOUT, SERVER, STAGES

READS = ("get", "list", "watch")
CHANGES = (*READS, "create", "patch", "update", "delete")
ASKED = {
    "": (
        *("configmaps", "endpoints", "events", "persistentvolumeclaims", "pods", "pods/eviction"),
        *("pods/exec", "pods/log", "pods/portforward", "replicationcontrollers", "resourcequotas"),
        *("secrets", "serviceaccounts", "serviceaccounts/token", "services", "nodes", "namespaces"),
    ),
    "apps": ("daemonsets", "deployments", "deployments/scale", "replicasets", "statefulsets"),
    "batch": ("cronjobs", "jobs"),
    "gateway.networking.k8s.io": ("gateways", "httproutes"),
    "networking.k8s.io": ("ingresses", "networkpolicies"),
    "policy": ("poddisruptionbudgets",),
    "rbac.authorization.k8s.io": ("clusterroles", "rolebindings", "roles"),
}
"""Resources that are asked about, by API group."""

RIGHTS: Mapping[str, Mapping[tuple[str, str], tuple[str, ...]]] = {
    STAGES: {},
    SERVER: {},
    ROLLOUT: {
        ("apps", "deployments"): CHANGES,
        ("", "services"): CHANGES,
        ("", "configmaps"): CHANGES,
        ("policy", "poddisruptionbudgets"): CHANGES,
        ("gateway.networking.k8s.io", "httproutes"): CHANGES,
    },
    AIRFLOW: {
        ("", "pods"): ("get", "list", "watch", "create", "patch", "delete"),
        ("", "pods/log"): ("get",),
        ("", "events"): READS,
    },
}

pytestmark = pytest.mark.timeout(1800)


@pytest.mark.parametrize("account", RIGHTS)
def test_an_account_may_do_its_own_work_and_nothing_else(
    project: ClusterProject, account: str
) -> None:
    """In its namespace; and nothing in another one."""
    cluster = project.cluster
    found: dict[tuple[str, str], tuple[str, ...]] = {}
    elsewhere = []
    with Api(cluster.kubeconfig(account), namespace=cluster.namespace) as api:
        for group, resources in ASKED.items():
            for resource in resources:
                may = tuple(verb for verb in CHANGES if api.may(verb, resource, group=group))
                found |= {(group, resource): may} if may else {}
                if api.may("get", resource, group=group, namespace="default"):
                    elsewhere.append(resource)
    assert {key: set(verbs) for key, verbs in found.items()} == {
        key: set(verbs) for key, verbs in RIGHTS[account].items()
    }
    assert elsewhere == []


def test_the_rollout_is_refused_what_is_not_its_own(project: ClusterProject) -> None:
    """The reviewed right is the enforced one."""
    cluster = project.cluster
    with Api(cluster.kubeconfig(ROLLOUT), namespace=cluster.namespace) as api:
        assert api.list_objects("Service", {})
        for kind in ("Pod", "Secret", "Event"):
            with pytest.raises(ApiException, match="is forbidden") as refused:
                api.list_objects(kind, {})
            assert refused.value.status == 403


def test_a_pod_that_runs_as_root_is_refused(project: ClusterProject) -> None:
    """The namespace admits restricted pods only, also from the admin."""
    cluster = project.cluster
    rooted = manifests.restricted(cluster.image, ["true"])
    rooted["securityContext"] = {**rooted["securityContext"], "runAsNonRoot": False, "runAsUser": 0}
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": "rooted", "namespace": cluster.namespace},
        "spec": rooted,
    }
    with Api(cluster.kubeconfig(AIRFLOW), namespace=cluster.namespace) as airflow:
        for api in (cluster.admin, airflow):
            with pytest.raises(ApiException, match="violates PodSecurity") as refused:
                api.create(pod)
            assert refused.value.status == 403
