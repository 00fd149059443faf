"""Who is let in, who may do what, and whom admission turns away."""

from __future__ import annotations

from typing import Any

import pytest
import yaml
from kubernetes import client
from kubernetes.client import ApiException

from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.own_tests.requests import (
    ACCOUNT,
    NAMESPACE,
    apply,
    connected,
    deployment,
    pod,
    status_of,
)


def test_a_stranger_is_not_let_in(api: Api) -> None:
    """No token that the cluster gave, no answer but 401."""
    with connected(api, "made-up") as stranger, pytest.raises(ApiException) as caught:
        client.CoreV1Api(stranger).list_namespaced_pod(NAMESPACE)
    assert caught.value.status == 401


RIGHTS = """
kind: Role
metadata: {name: rollout, namespace: slipway}
rules:
- {apiGroups: [apps], resources: [deployments], verbs: [get, list, patch]}
- {apiGroups: [""], resources: [pods/log], verbs: [get]}
---
kind: RoleBinding
metadata: {name: rollout, namespace: slipway}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: rollout}
subjects:
- {kind: ServiceAccount, name: slipway-rollout, namespace: slipway}
"""


def test_roles_decide_who_may_do_what(api: Api) -> None:
    """A right that no binding gives is refused in the words of the real server."""
    with connected(api, api.access.token(ACCOUNT, NAMESPACE)) as found:
        core, apps = client.CoreV1Api(found), client.AppsV1Api(found)
        with pytest.raises(ApiException):
            apps.list_namespaced_deployment(NAMESPACE)
        for rule in yaml.safe_load_all(RIGHTS):
            api.objects.create(rule)
        assert apps.list_namespaced_deployment(NAMESPACE).items == []
        with pytest.raises(ApiException) as caught:
            core.list_namespaced_pod(NAMESPACE)
        assert status_of(caught)["message"] == (
            'pods is forbidden: User "system:serviceaccount:slipway:slipway-rollout" cannot list '
            'resource "pods" in API group "" in the namespace "slipway"'
        )
        with pytest.raises(ApiException, match=r"cannot list resource .* at the cluster scope"):
            apps.list_deployment_for_all_namespaces()
        # An apply that would create needs the right to create too.
        with pytest.raises(ApiException, match=r'cannot create resource \\"deployments'):
            apply(found, deployment())
        assert api.requests[-1].account == ACCOUNT


def test_an_account_can_ask_what_it_may(api: Api) -> None:
    """A SelfSubjectAccessReview is answered by the same roles."""
    for rule in yaml.safe_load_all(RIGHTS):
        api.objects.create(rule)
    with connected(api, api.access.token(ACCOUNT, NAMESPACE)) as found:

        def may(verb: str, resource: str, group: str = "") -> bool:
            attributes = {"namespace": NAMESPACE, "verb": verb, "resource": resource} | {
                "group": group
            }
            answer = client.AuthorizationV1Api(found).create_self_subject_access_review(
                {"spec": {"resourceAttributes": attributes}}
            )
            allowed: bool = answer.status.allowed
            return allowed

        assert may("patch", "deployments", "apps")
        assert not may("delete", "deployments", "apps")
        assert not may("get", "secrets")


def restrict(api: Api) -> None:
    """Let the namespace take restricted pods only."""

    def label(obj: dict[str, Any]) -> None:
        obj["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"

    api.objects.change("Namespace", "", NAMESPACE, label)


def test_a_restricted_namespace_takes_no_careless_pod(
    api: Api, core: client.CoreV1Api, apps: client.AppsV1Api
) -> None:
    """Every breach is named; a Deployment gets in whatever its pods are like."""
    restrict(api)
    body = pod()
    del body["spec"]["containers"][0]["securityContext"]
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, body)
    assert caught.value.status == 403
    assert status_of(caught)["message"] == (
        'pods "fit" is forbidden: violates PodSecurity "restricted:latest": '
        'allowPrivilegeEscalation != false (container "base" must set '
        "securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "
        '"base" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or '
        'container "base" must set securityContext.runAsNonRoot=true), seccompProfile (pod or '
        'container "base" must set securityContext.seccompProfile.type to "RuntimeDefault" or '
        '"Localhost")'
    )
    assert core.create_namespaced_pod(NAMESPACE, pod()).metadata.name == "fit"
    assert apps.create_namespaced_deployment(NAMESPACE, deployment()).metadata.name == "delay-v3"


def test_a_quota_is_kept(api: Api, core: client.CoreV1Api) -> None:
    """What is over is refused with the numbers; what has ended counts no more."""
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"pods": "1"}}}
    core.create_namespaced_resource_quota(NAMESPACE, quota)
    core.create_namespaced_pod(NAMESPACE, pod("a"))
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, pod("b"))
    assert caught.value.status == 403
    assert status_of(caught)["message"] == (
        'pods "b" is forbidden: exceeded quota: small, requested: pods=1, used: pods=1, '
        "limited: pods=1"
    )
    api.objects.set_status("Pod", NAMESPACE, "a", {"phase": "Succeeded"})
    core.create_namespaced_pod(NAMESPACE, pod("b"))


def test_a_quota_on_memory_wants_requests(core: client.CoreV1Api) -> None:
    """A pod must say what it takes where that is limited."""
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"requests.memory": "1Gi"}}}
    core.create_namespaced_resource_quota(NAMESPACE, quota)
    with pytest.raises(ApiException, match=r"must specify requests.memory for: base"):
        core.create_namespaced_pod(NAMESPACE, pod())
    body = pod()
    body["spec"]["containers"][0]["resources"] = {"requests": {"memory": "2Gi"}}
    with pytest.raises(ApiException, match=r"requested: requests.memory=2147483648, used"):
        core.create_namespaced_pod(NAMESPACE, body)


def test_a_pod_needs_an_account_that_is_there(core: client.CoreV1Api) -> None:
    """A service account that nobody made is refused before any pod is."""
    with pytest.raises(ApiException, match=r'serviceaccount \\"ghost\\" not found'):
        core.create_namespaced_pod(NAMESPACE, pod(serviceAccountName="ghost"))
    made = core.create_namespaced_pod(NAMESPACE, pod(serviceAccountName=ACCOUNT))
    assert made.spec.service_account_name == ACCOUNT


def test_a_container_gets_what_its_namespace_gives(api: Api, core: client.CoreV1Api) -> None:
    """A LimitRange fills in what a container does not say, and refuses what is too much."""
    limit = {
        "type": "Container",
        "default": {"memory": "1Gi"},
        "defaultRequest": {"cpu": "100m", "memory": "256Mi"},
        "max": {"memory": "2Gi"},
    }
    body = {"metadata": {"name": "slipway"}, "spec": {"limits": [limit]}}
    core.create_namespaced_limit_range(NAMESPACE, body)
    made = core.create_namespaced_pod(NAMESPACE, pod()).spec.containers[0].resources
    assert made.limits == {"memory": "1Gi"}
    assert made.requests == {"cpu": "100m", "memory": "256Mi"}
    large = pod("large")
    large["spec"]["containers"][0]["resources"] = {"limits": {"memory": "4Gi"}}
    said = "maximum memory usage per Container is 2Gi, but limit is 4Gi"
    with pytest.raises(ApiException, match=said):
        core.create_namespaced_pod(NAMESPACE, large)
    assert [found["metadata"]["name"] for found in api.objects.list("Pod")] == ["fit"]
