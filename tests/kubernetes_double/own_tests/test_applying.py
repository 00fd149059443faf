"""Merge patches, and server-side apply with field ownership and conflicts."""

from __future__ import annotations

from typing import Any

import pytest
from kubernetes import client
from kubernetes.client import ApiClient, ApiException

from tests.kubernetes_double.api import managed_fields
from tests.kubernetes_double.api.server_side_apply import merged_value
from tests.kubernetes_double.own_tests.requests import (
    LABELS,
    NAMESPACE,
    apply,
    ask,
    deployment,
    managers,
    route,
    service,
    status_of,
)


@pytest.mark.parametrize(
    ("live", "applied", "found"),
    [
        ("MNZ X", "ZMN", "ZXMN"),
        ("ZXMN", "MANZ", "XMANZ"),
        ("YXMANZ", "ZMAN", "YXZMAN"),
        ("MNZ", "MNZ", "MNZ"),
    ],
)
def test_a_list_has_the_appliers_order(live: str, applied: str, found: str) -> None:
    """As a cluster of version 1.36 orders them; X and Y belong to others."""

    def env(names: str) -> list[dict[str, str]]:
        return [{"name": name, "value": "1"} for name in names.replace(" ", "")]

    merged = merged_value(env(live), env(applied), name="env")
    assert "".join(item["name"] for item in merged) == found


def test_merge_and_strategic_merge_patches(admin: ApiClient) -> None:
    """A merge patch replaces lists, a strategic merge patch merges them by key."""
    apply(admin, deployment(A="1", B="2"))
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/delay-v3"

    def env(obj: dict[str, Any]) -> dict[str, str]:
        listed = obj["spec"]["template"]["spec"]["containers"][0]["env"]
        return {item["name"]: item["value"] for item in listed}

    def patch(body: Any, kind: str) -> dict[str, Any]:
        return ask(admin, "PATCH", path, body, content_type=f"application/{kind}+json")

    changed = {"name": "server", "env": [{"name": "B", "value": "3"}]}
    body: Any = {"spec": {"template": {"spec": {"containers": [changed]}}}}
    assert env(patch(body, "strategic-merge-patch")) == {"A": "1", "B": "3"}
    changed["image"] = "server:2"
    assert env(patch(body, "merge-patch")) == {"B": "3"}
    body = {"metadata": {"labels": {"slipway/version": None}}}
    assert patch(body, "merge-patch")["metadata"]["labels"] == {"slipway/model": "delay"}
    changed["env"] = [{"name": "B", "$patch": "delete"}]
    body = {"spec": {"template": {"spec": {"containers": [changed]}}}}
    left = patch(body, "strategic-merge-patch")["spec"]["template"]["spec"]["containers"][0]
    assert "env" not in left


def test_a_custom_resource_takes_no_strategic_patch(admin: ApiClient) -> None:
    """The server has the merge keys of its own kinds only."""
    apply(admin, route(10))
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/delay"
    kind = "application/strategic-merge-patch+json"
    with pytest.raises(ApiException) as caught:
        ask(admin, "PATCH", path, {"spec": {}}, content_type=kind)
    assert caught.value.status == 415


def test_an_apply_owns_the_fields_of_its_manifest(admin: ApiClient) -> None:
    """`managedFields` has the manifest's fields, and not the defaults."""
    made = apply(admin, deployment(A="1"))
    assert made["spec"]["strategy"]["type"] == "RollingUpdate"
    fields = managers(made)["slipway"]
    assert set(fields["f:spec"]) == {"f:replicas", "f:selector", "f:template"}
    assert fields["f:spec"]["f:selector"] == {}
    containers = fields["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert containers['k:{"name":"server"}']["f:env"] == {
        'k:{"name":"A"}': {".": {}, "f:name": {}, "f:value": {}}
    }
    assert containers['k:{"name":"server"}']["f:ports"] == {
        'k:{"containerPort":8080,"protocol":"TCP"}': {
            ".": {},
            "f:containerPort": {},
            "f:name": {},
        }
    }


def test_a_repeated_apply_changes_nothing(admin: ApiClient) -> None:
    """resourceVersion, generation and times stay."""
    for manifest in (deployment(A="1"), service(), route(10)):
        assert apply(admin, manifest) == apply(admin, manifest)


def test_a_dropped_field_is_removed(admin: ApiClient) -> None:
    """A field without another owner is removed, or reset to its default."""
    body = deployment(A="1", B="2")
    body["metadata"]["annotations"] = {"slipway/shares": "{}"}
    body["spec"]["template"]["spec"]["nodeSelector"] = {"disk": "fast"}
    apply(admin, body)
    after = apply(admin, deployment(A="1"))
    del (without := deployment(A="1"))["spec"]["replicas"]
    template = after["spec"]["template"]["spec"]
    assert template["containers"][0]["env"] == [{"name": "A", "value": "1"}]
    assert "nodeSelector" not in template
    assert "annotations" not in after["metadata"]
    assert apply(admin, without)["spec"]["replicas"] == 1


def test_a_dropped_field_of_two_owners_stays(admin: ApiClient) -> None:
    """It is removed once both have dropped it."""
    apply(admin, service())
    other = {**service(), "spec": {"ports": service()["spec"]["ports"]}}
    apply(admin, other, manager="gitops")
    bare = {**service(), "metadata": {"name": "delay"}, "spec": {"selector": LABELS}}
    after = apply(admin, bare)
    assert after["metadata"]["annotations"] == {"slipway/token": "7"}
    assert len(after["spec"]["ports"]) == 1
    assert "f:ports" not in managers(after)["slipway"]["f:spec"]


def test_a_manual_edit_is_a_conflict(admin: ApiClient) -> None:
    """The editor owns the field, and the next apply gets manager and field."""
    apply(admin, route(10))
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/delay"
    edit = route(50)["spec"]
    ask(
        admin,
        "PATCH",
        path,
        {"spec": {"rules": edit["rules"]}},
        content_type="application/merge-patch+json",
        fieldManager="kubectl-edit",
    )
    with pytest.raises(ApiException) as caught:
        apply(admin, route(20))
    assert caught.value.status == 409
    status = status_of(caught)
    assert status["reason"] == "Conflict"
    assert status["message"] == (
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using '
        "gateway.networking.k8s.io/v1: .spec.rules"
    )
    forced = apply(admin, route(20), force="true")
    assert forced["spec"]["rules"][0]["backendRefs"][0]["weight"] == 20
    assert "kubectl-edit" not in managers(forced)
    assert apply(admin, route(30))["spec"]["rules"][0]["backendRefs"][0]["weight"] == 30


def test_the_default_manager_is_the_clients_name(admin: ApiClient, core: client.CoreV1Api) -> None:
    """The start of the User-Agent, as on the real server."""
    apply(admin, service())
    core.patch_namespaced_service("delay", NAMESPACE, {"spec": {"selector": {"lane": "entry"}}})
    found = ask(admin, "GET", f"/api/v1/namespaces/{NAMESPACE}/services/delay")
    assert set(managers(found)) == {"slipway", "OpenAPI-Generator"}
    assert managers(found)["OpenAPI-Generator"] == {"f:spec": {"f:selector": {}}}
    assert "f:selector" not in managers(found)["slipway"]["f:spec"]


def test_a_patch_owns_its_changes_only(
    admin: ApiClient, apps: client.AppsV1Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As with `kubectl set image`: also added maps, each change with its time."""
    apply(admin, deployment(A="1"))
    image = {"spec": {"template": {"spec": {"containers": [{"name": "server", "image": "s:2"}]}}}}
    restart = {"spec": {"template": {"metadata": {"annotations": {"restartedAt": "1"}}}}}
    patch = apps.patch_namespaced_deployment
    patch("delay-v3", NAMESPACE, image, field_manager="kubectl-set")
    found = patch("delay-v3", NAMESPACE, restart, field_manager="kubectl-rollout")
    owners = managers(admin.sanitize_for_serialization(found))
    server = {'k:{"name":"server"}': {"f:image": {}}}
    template = {"f:spec": {"f:containers": server}}
    assert owners["kubectl-set"] == {"f:spec": {"f:template": template}}
    annotations = {"f:annotations": {".": {}, "f:restartedAt": {}}}
    assert owners["kubectl-rollout"] == {"f:spec": {"f:template": {"f:metadata": annotations}}}
    mine = owners["slipway"]["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert "f:image" not in mine['k:{"name":"server"}']
    monkeypatch.setattr(managed_fields, "now", lambda: "2999-01-01T00:00:00Z")
    image["spec"]["template"]["spec"]["containers"][0]["image"] = "s:3"
    again = patch("delay-v3", NAMESPACE, image, field_manager="kubectl-set")
    times = {one.manager: one.time.year for one in again.metadata.managed_fields}
    assert times["kubectl-set"] == 2999
    assert max(times["kubectl-rollout"], times["slipway"]) < 2999


def test_an_apply_with_an_old_version_is_refused(admin: ApiClient) -> None:
    """The conflict has no field as its cause."""
    first = apply(admin, service())
    moved = service()
    moved["metadata"]["resourceVersion"] = first["metadata"]["resourceVersion"]
    moved["metadata"]["annotations"] = {"slipway/token": "8"}
    apply(admin, moved)
    moved["metadata"]["annotations"] = {"slipway/token": "9"}
    with pytest.raises(ApiException) as caught:
        apply(admin, moved)
    assert caught.value.status == 409
    assert "causes" not in status_of(caught)["details"]


def test_an_apply_needs_a_manager_and_a_schema(admin: ApiClient) -> None:
    """Without a manager, or with an unknown field, it is refused."""
    with pytest.raises(ApiException) as caught:
        apply(admin, service(), manager="")
    assert caught.value.status == 422
    with pytest.raises(ApiException) as caught:
        apply(admin, service(selektor={}))
    assert ".spec.selektor: field not declared in schema" in status_of(caught)["message"]
