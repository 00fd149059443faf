"""Accounts and pods of `docker/kubernetes` have the rights of their purpose and no more."""

from __future__ import annotations

import pytest

from tests.support.kustomize import (
    CONTROL,
    OVERLAYS,
    SERVING,
    STAGE_PODS,
    bearers,
    containers,
    laid_out,
    of_kind,
    pods,
    selects,
    tools,
)

WITH_TOKEN = {"slipway-airflow", "slipway-tool-"}

CHANGES = ["get", "list", "create", "patch", "delete"]

RIGHTS = {
    "slipway-rollout": {
        ("apps", "deployments"): CHANGES,
        ("", "services"): CHANGES,
        ("", "configmaps"): ["get"],
        ("policy", "poddisruptionbudgets"): CHANGES,
        ("gateway.networking.k8s.io", "httproutes"): CHANGES,
    },
    "slipway-airflow": {
        ("", "pods"): ["create", "get", "list", "watch", "patch", "delete"],
        ("", "pods/log"): ["get"],
        ("", "events"): ["get", "list", "watch"],
    },
}

each_layout = pytest.mark.parametrize("layout", ["as written", *OVERLAYS])


def test_accounts_have_the_rights_of_their_purpose() -> None:
    """Every Role has what its account needs; stages, servers and MLflow have none."""
    objects = laid_out("as written")
    roles = {
        role["metadata"]["name"]: {
            (group, resource): rule["verbs"]
            for rule in role["rules"]
            for group in rule["apiGroups"]
            for resource in rule["resources"]
        }
        for role in of_kind(objects, "Role")
    }
    assert roles == RIGHTS
    assert of_kind(objects, "ClusterRole", "ClusterRoleBinding") == []
    bound = {
        (binding["metadata"]["namespace"], binding["roleRef"]["name"]): binding["subjects"]
        for binding in of_kind(objects, "RoleBinding")
    }
    assert bound == {
        (where, name): [{"kind": "ServiceAccount", "name": name, "namespace": home}]
        for where, name, home in (
            (STAGE_PODS, "slipway-airflow", CONTROL),
            (SERVING, "slipway-rollout", STAGE_PODS),
        )
    }
    [settings] = [
        rule
        for role in of_kind(objects, "Role")
        for rule in role["rules"]
        if "resourceNames" in rule
    ]
    assert (settings["resources"], settings["resourceNames"]) == (
        ["configmaps"],
        ["slipway-settings"],
    )


def test_no_account_mounts_tokens_by_default() -> None:
    """A pod that uses the API has to request its token."""
    objects = laid_out("as written")
    accounts = of_kind(objects, "ServiceAccount")
    assert {"slipway-stages", "slipway-server", "slipway-rollout", "slipway-airflow"} <= {
        one["metadata"]["name"] for one in accounts
    }
    assert all(one["automountServiceAccountToken"] is False for one in accounts)


@each_layout
def test_every_pod_is_restricted(layout: str) -> None:
    """Not root, no capability, no new privilege, a read-only disk; a token only where needed."""
    for name, template in pods([*laid_out(layout), *tools()]).items():
        pod = template["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] > 0
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        assert pod["automountServiceAccountToken"] is (name in WITH_TOKEN)
        # MLflow and Slipway would read a Service's variables as options and settings.
        assert pod["enableServiceLinks"] is False
        for container in containers(template):
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["readOnlyRootFilesystem"] is True
            assert context["capabilities"] == {"drop": ["ALL"]}


def test_a_command_of_a_person_acts_as_a_rollout_does() -> None:
    """The tool runs as the account of rollouts, with the same network policies."""
    (job,) = [one for one in tools() if one["kind"] == "Job"]
    template = job["spec"]["template"]
    assert template["spec"]["serviceAccountName"] == "slipway-rollout"
    labels = template["metadata"]["labels"]
    rollout = bearers([])["stage switch"]
    assert job["metadata"]["namespace"] == rollout.namespace
    for policy in of_kind(laid_out("as written"), "NetworkPolicy"):
        selector = policy["spec"]["podSelector"]
        assert selects(selector, labels) == selects(selector, rollout.labels)
