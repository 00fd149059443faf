"""Objects: storage, defaults, validation, selection and deletion."""

from __future__ import annotations

import pytest
from kubernetes import client
from kubernetes.client import ApiClient, ApiException

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.server import Api
from tests.kubernetes_double.own_tests.requests import (
    LABELS,
    NAMESPACE,
    apply,
    ask,
    connected,
    deployment,
    pod,
    service,
    status_of,
)


def test_an_object_is_created_read_listed_patched_and_deleted(
    api: Api, core: client.CoreV1Api
) -> None:
    """Each verb has its effect, and each answer is the client's own type."""
    body = {"metadata": {"name": "settings"}, "data": {"A": "1"}}
    made = core.create_namespaced_config_map(NAMESPACE, body)
    assert made.metadata.uid
    assert made.metadata.resource_version
    assert core.read_namespaced_config_map("settings", NAMESPACE).data == {"A": "1"}
    patched = core.patch_namespaced_config_map("settings", NAMESPACE, {"data": {"A": "2"}})
    assert patched.metadata.resource_version > made.metadata.resource_version
    listed = core.list_namespaced_config_map(NAMESPACE).items
    assert [(item.metadata.name, item.data) for item in listed] == [("settings", {"A": "2"})]
    assert core.delete_namespaced_config_map("settings", NAMESPACE).status == "Success"
    with pytest.raises(ApiException) as caught:
        core.read_namespaced_config_map("settings", NAMESPACE)
    assert status_of(caught)["message"] == 'configmaps "settings" not found'
    assert api.requests[-1] == (
        "GET",
        f"/api/v1/namespaces/{NAMESPACE}/configmaps/settings",
        "admin",
        404,
    )


def test_an_object_exists_once(core: client.CoreV1Api) -> None:
    """A second object of the same name is refused, and the first stays."""
    core.create_namespaced_pod(NAMESPACE, pod())
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, pod())
    assert status_of(caught)["reason"] == "AlreadyExists"


def test_a_namespace_must_exist(core: client.CoreV1Api) -> None:
    """No object is created in a missing namespace."""
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod("elsewhere", pod())
    assert status_of(caught)["message"] == 'namespaces "elsewhere" not found'


def test_a_generated_name_is_new_each_time(core: client.CoreV1Api) -> None:
    """`generateName` is the prefix of a name."""
    body = pod()
    body["metadata"] = {"generateName": "fit-"}
    names = {core.create_namespaced_pod(NAMESPACE, body).metadata.name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("fit-") for name in names)


def test_the_server_sets_defaults(core: client.CoreV1Api, apps: client.AppsV1Api) -> None:
    """Clients read the real server's defaults."""
    made = core.create_namespaced_service(NAMESPACE, service())
    assert made.spec.cluster_ip.startswith("10.")
    assert (made.spec.type, made.spec.ports[0].protocol) == ("ClusterIP", "TCP")
    assert made.spec.ports[0].target_port == 8080
    run = core.create_namespaced_pod(NAMESPACE, pod())
    assert (run.status.phase, run.spec.dns_policy) == ("Pending", "ClusterFirst")
    assert run.spec.containers[0].image_pull_policy == "IfNotPresent"
    body = deployment()
    del body["spec"]["replicas"]
    found = apps.create_namespaced_deployment(NAMESPACE, body)
    assert (found.spec.replicas, found.spec.strategy.type) == (1, "RollingUpdate")
    assert found.metadata.generation == 1


def test_only_the_spec_counts_as_a_generation(apps: client.AppsV1Api) -> None:
    """Labels and status do not change `generation`; replicas do."""
    apps.create_namespaced_deployment(NAMESPACE, deployment())
    labelled = apps.patch_namespaced_deployment(
        "delay-v3", NAMESPACE, {"metadata": {"labels": {"seen": "yes"}}}
    )
    assert labelled.metadata.generation == 1
    status = apps.patch_namespaced_deployment_status(
        "delay-v3", NAMESPACE, {"status": {"replicas": 2}}
    )
    assert (status.metadata.generation, status.status.replicas) == (1, 2)
    grown = apps.patch_namespaced_deployment("delay-v3", NAMESPACE, {"spec": {"replicas": 3}})
    assert (grown.metadata.generation, grown.status.replicas) == (2, 2)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("slipway/model=delay", ["a", "b"]),
        ("slipway/model=delay,slipway/version!=2", ["b"]),
        ("!slipway/model", ["c"]),
        ("slipway/version", ["a", "b"]),
        ("", ["a", "b", "c"]),
    ],
)
def test_labels_select(core: client.CoreV1Api, selector: str, names: list[str]) -> None:
    """Every form of a label selector selects its objects."""
    for name, labels in (("a", {**LABELS, "slipway/version": "2"}), ("b", LABELS), ("c", {})):
        core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": name, "labels": labels}})
    found = core.list_namespaced_config_map(NAMESPACE, label_selector=selector)
    assert [item.metadata.name for item in found.items] == names


def test_fields_select(core: client.CoreV1Api) -> None:
    """A field selector selects objects."""
    for name in ("a", "b", "c"):
        core.create_namespaced_pod(NAMESPACE, pod(name))
    found = core.list_namespaced_pod(
        NAMESPACE, field_selector="metadata.name!=b,status.phase=Pending"
    )
    assert [item.metadata.name for item in found.items] == ["a", "c"]


def test_items_of_a_list_have_no_kind(admin: ApiClient) -> None:
    """As on the real server."""
    apply(admin, service())
    services = ask(admin, "GET", f"/api/v1/namespaces/{NAMESPACE}/services")
    assert services["kind"] == "ServiceList"
    assert "kind" not in services["items"][0]


def test_unknown_fields_are_dropped_or_refused(core: client.CoreV1Api) -> None:
    """Strict refuses; the default drops them."""
    body = pod()
    body["spec"]["contaners"] = []
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, body, field_validation="Strict")
    assert caught.value.status == 400
    message = 'strict decoding error: unknown field "spec.contaners"'
    assert message in status_of(caught)["message"]
    assert core.create_namespaced_pod(NAMESPACE, body).metadata.name == "fit"
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, {**pod("b"), "spec": {"containers": "none"}})
    assert caught.value.status == 400


def test_a_selector_is_immutable(apps: client.AppsV1Api) -> None:
    """A Deployment keeps its selector."""
    apps.create_namespaced_deployment(NAMESPACE, deployment())
    other = {"matchLabels": {**LABELS, "x": "y"}}
    body = {"spec": {"selector": other, "template": {"metadata": {"labels": other["matchLabels"]}}}}
    with pytest.raises(ApiException, match="field is immutable"):
        apps.patch_namespaced_deployment("delay-v3", NAMESPACE, body)


def test_a_pod_on_a_node_ends_before_it_goes(api: Api, core: client.CoreV1Api) -> None:
    """Deleting marks it with a grace period; its node's kubelet deletes it."""
    core.create_namespaced_pod(NAMESPACE, pod(nodeName="node-1"))
    marked = core.delete_namespaced_pod("fit", NAMESPACE, grace_period_seconds=5)
    assert marked.metadata.deletion_grace_period_seconds == 5
    assert core.read_namespaced_pod("fit", NAMESPACE).metadata.deletion_timestamp
    api.objects.delete("Pod", NAMESPACE, "fit", grace_seconds=0)
    with pytest.raises(ApiException):
        core.read_namespaced_pod("fit", NAMESPACE)


def test_discovery(admin: ApiClient) -> None:
    """The Gateway API is listed where the cluster has it."""
    groups = {group.name for group in client.ApisApi(admin).get_api_versions().groups}
    assert {"apps", "policy", "gateway.networking.k8s.io"} <= groups
    resources = client.AppsV1Api(admin).get_api_resources().resources
    assert "deployments/status" in {found.name for found in resources}
    assert client.VersionApi(admin).get_code().git_version == "v1.36.0"


def test_a_cluster_without_the_gateway_api_has_no_routes() -> None:
    """Every path of it is 404."""
    api = Api(Objects())
    api.start()
    try:
        with connected(api, api.access.token("admin")) as admin:
            groups = client.ApisApi(admin).get_api_versions().groups
            assert "gateway.networking.k8s.io" not in {group.name for group in groups}
            for path in ("", "/httproutes", f"/namespaces/{NAMESPACE}/httproutes/delay"):
                with pytest.raises(ApiException) as caught:
                    ask(admin, "GET", f"/apis/gateway.networking.k8s.io/v1{path}")
                assert caught.value.status == 404
    finally:
        api.stop()
