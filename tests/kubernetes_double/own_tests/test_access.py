"""Authentication, authorisation and admission."""

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


def test_an_unknown_token_is_refused(api: Api) -> None:
    """A token that the cluster did not issue gets 401."""
    with connected(api, "made-up") as unknown, pytest.raises(ApiException) as caught:
        client.CoreV1Api(unknown).list_namespaced_pod(NAMESPACE)
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


def test_roles_grant_rights(api: Api) -> None:
    """An action without a right is refused with the real server's message."""
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


def test_an_access_review_uses_the_roles(api: Api) -> None:
    """A SelfSubjectAccessReview uses the same roles."""
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
    """Let the namespace admit restricted pods only."""

    def label(obj: dict[str, Any]) -> None:
        obj["metadata"]["labels"]["pod-security.kubernetes.io/enforce"] = "restricted"

    api.objects.change("Namespace", "", NAMESPACE, label)


def test_a_restricted_namespace_refuses_a_violating_pod(
    api: Api, core: client.CoreV1Api, apps: client.AppsV1Api
) -> None:
    """The message has every violation; a Deployment is admitted whatever its pods."""
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


def test_a_quota_is_enforced(api: Api, core: client.CoreV1Api) -> None:
    """The refusal has the numbers; a pod that has ended does not count."""
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


def test_a_quota_on_memory_requires_requests(core: client.CoreV1Api) -> None:
    """A pod without a memory request is refused."""
    quota = {"metadata": {"name": "small"}, "spec": {"hard": {"requests.memory": "1Gi"}}}
    core.create_namespaced_resource_quota(NAMESPACE, quota)
    with pytest.raises(ApiException, match=r"must specify requests.memory for: base"):
        core.create_namespaced_pod(NAMESPACE, pod())
    body = pod()
    body["spec"]["containers"][0]["resources"] = {"requests": {"memory": "2Gi"}}
    with pytest.raises(ApiException, match=r"requested: requests.memory=2147483648, used"):
        core.create_namespaced_pod(NAMESPACE, body)


def test_a_pod_needs_an_existing_account(core: client.CoreV1Api) -> None:
    """A missing service account is refused at admission."""
    with pytest.raises(ApiException, match=r'serviceaccount \\"ghost\\" not found'):
        core.create_namespaced_pod(NAMESPACE, pod(serviceAccountName="ghost"))
    made = core.create_namespaced_pod(NAMESPACE, pod(serviceAccountName=ACCOUNT))
    assert made.spec.service_account_name == ACCOUNT


def test_a_limit_range_sets_defaults(core: client.CoreV1Api) -> None:
    """Missing resources are filled in."""
    limit = {
        "type": "Container",
        "default": {"memory": "1Gi"},
        "defaultRequest": {"cpu": "100m", "memory": "256Mi"},
    }
    body = {"metadata": {"name": "slipway"}, "spec": {"limits": [limit]}}
    core.create_namespaced_limit_range(NAMESPACE, body)
    made = core.create_namespaced_pod(NAMESPACE, pod()).spec.containers[0].resources
    assert made.limits == {"memory": "1Gi"}
    assert made.requests == {"cpu": "100m", "memory": "256Mi"}
