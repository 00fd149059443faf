"""The double of the Kubernetes API, driven by the client that everybody uses."""

from __future__ import annotations

import copy
import json
import threading
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
import yaml
from kubernetes import client, watch
from kubernetes.client import ApiClient, ApiException, Configuration

from tests.cluster.api import Api
from tests.cluster.faults import Fault
from tests.cluster.objects import Objects

NAMESPACE = "slipway"
ACCOUNT = "slipway-rollout"
LABELS = {"slipway/model": "delay", "slipway/version": "3"}
SECURE = {
    "runAsNonRoot": True,
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
    "seccompProfile": {"type": "RuntimeDefault"},
}


def pod(name: str = "fit", **spec: Any) -> dict[str, Any]:
    """A pod that every namespace takes."""
    container = {"name": "base", "image": "stages:1", "securityContext": SECURE}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "labels": dict(LABELS)},
        "spec": {"restartPolicy": "Never", "containers": [container]} | spec,
    }


def deployment(*, replicas: int = 2, **env: str) -> dict[str, Any]:
    """A server of a version."""
    container = {
        "name": "server",
        "image": "server:1",
        "ports": [{"containerPort": 8080, "name": "http"}],
        "env": [{"name": key, "value": value} for key, value in env.items()],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "delay-v3", "labels": dict(LABELS)},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": dict(LABELS)},
            "template": {"metadata": {"labels": dict(LABELS)}, "spec": {"containers": [container]}},
        },
    }


def service(**changes: Any) -> dict[str, Any]:
    """The entry point of a model."""
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "delay", "annotations": {"slipway/token": "7"}},
        "spec": {"selector": dict(LABELS), "ports": [{"name": "http", "port": 8080}]} | changes,
    }


def route(weight: int) -> dict[str, Any]:
    """A route that gives version 3 this weight."""
    backends = [
        {"name": "delay-v3", "port": 8080, "weight": weight},
        {"name": "delay-v2", "port": 8080, "weight": 100 - weight},
    ]
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": {"name": "delay"},
        "spec": {"parentRefs": [{"name": "front"}], "rules": [{"backendRefs": backends}]},
    }


@pytest.fixture
def api(tmp_path: Path) -> Iterator[Api]:
    """A cluster of one restricted-to-be namespace, with the Gateway API."""
    api = Api(
        Objects(),
        gateway=True,
        log_file=lambda _, pod, container, previous: (
            None if previous else tmp_path / f"{pod}-{container}.log"
        ),
        bookmark_seconds=0.05,
    )
    api.objects.create({"kind": "Namespace", "metadata": {"name": NAMESPACE}})
    account = {"name": ACCOUNT, "namespace": NAMESPACE}
    api.objects.create({"kind": "ServiceAccount", "metadata": account})
    api.start()
    yield api
    api.stop()


def connected(api: Api, token: str) -> ApiClient:
    """A client with a token."""
    settings = Configuration(host=api.url)
    settings.api_key = {"authorization": f"Bearer {token}"}
    settings.retries = False
    return ApiClient(settings)


@pytest.fixture
def admin(api: Api) -> Iterator[ApiClient]:
    """A client that may do everything."""
    with connected(api, api.access.token("admin")) as found:
        yield found


@pytest.fixture
def core(admin: ApiClient) -> client.CoreV1Api:
    """Pods, Services and the like."""
    return client.CoreV1Api(admin)


@pytest.fixture
def apps(admin: ApiClient) -> client.AppsV1Api:
    """Deployments."""
    return client.AppsV1Api(admin)


def ask(
    admin: ApiClient,
    method: str,
    path: str,
    body: Any = None,
    *,
    content_type: str = "application/json",
    **query: str,
) -> dict[str, Any]:
    """What a request is answered, as plain JSON."""
    data, _, _ = admin.call_api(
        path,
        method,
        query_params=list(query.items()),
        header_params={"Content-Type": content_type, "Accept": "application/json"},
        body=body,
        auth_settings=["BearerToken"],
        response_types_map={200: "object", 201: "object"},
    )
    found: dict[str, Any] = data
    return found


def apply(
    admin: ApiClient, manifest: dict[str, Any], *, manager: str = "slipway", **query: str
) -> dict[str, Any]:
    """An object after a server-side apply."""
    group = manifest["apiVersion"]
    root = "/api/v1" if group == "v1" else f"/apis/{group}"
    plural = f"{manifest['kind'].lower()}s"
    path = f"{root}/namespaces/{NAMESPACE}/{plural}/{manifest['metadata']['name']}"
    return ask(
        admin,
        "PATCH",
        path,
        manifest,
        content_type="application/apply-patch+yaml",
        fieldManager=manager,
        **query,
    )


def log_of(core: client.CoreV1Api, **options: Any) -> str:
    """What a container wrote; the client's own decoding spoils it."""
    response = core.read_namespaced_pod_log("fit", NAMESPACE, _preload_content=False, **options)
    with closing(response):
        text: str = response.data.decode()
    return text


def status_of(caught: pytest.ExceptionInfo[ApiException]) -> dict[str, Any]:
    """The `Status` that came with an error."""
    found: dict[str, Any] = json.loads(caught.value.body)
    return found


def managers(obj: dict[str, Any]) -> dict[str, Any]:
    """Fields by manager."""
    return {entry["manager"]: entry["fieldsV1"] for entry in obj["metadata"]["managedFields"]}


def test_an_object_is_created_read_listed_replaced_and_deleted(
    api: Api, core: client.CoreV1Api
) -> None:
    """The five verbs do as their names say, and each answer is the client's own type."""
    body = {"metadata": {"name": "settings"}, "data": {"A": "1"}}
    made = core.create_namespaced_config_map(NAMESPACE, body)
    assert made.metadata.uid
    assert made.metadata.resource_version
    read = core.read_namespaced_config_map("settings", NAMESPACE)
    read.data["A"] = "2"
    replaced = core.replace_namespaced_config_map("settings", NAMESPACE, read)
    assert replaced.metadata.resource_version > made.metadata.resource_version
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
    """A second object of a name is refused, and the first stays."""
    core.create_namespaced_pod(NAMESPACE, pod())
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, pod())
    assert status_of(caught)["reason"] == "AlreadyExists"


def test_a_namespace_must_be_there(core: client.CoreV1Api) -> None:
    """Nothing is created in a namespace that nobody made."""
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod("elsewhere", pod())
    assert status_of(caught)["message"] == 'namespaces "elsewhere" not found'


def test_a_generated_name_is_new_each_time(core: client.CoreV1Api) -> None:
    """`generateName` is the start of a name."""
    body = pod()
    body["metadata"] = {"generateName": "fit-"}
    names = {core.create_namespaced_pod(NAMESPACE, body).metadata.name for _ in range(3)}
    assert len(names) == 3
    assert all(name.startswith("fit-") for name in names)


def test_a_late_writer_is_refused(core: client.CoreV1Api) -> None:
    """A PUT with an old resourceVersion is a conflict."""
    core.create_namespaced_service(NAMESPACE, service())
    first = core.read_namespaced_service("delay", NAMESPACE)
    second = copy.deepcopy(first)
    first.metadata.labels = {"by": "first"}
    core.replace_namespaced_service("delay", NAMESPACE, first)
    with pytest.raises(ApiException) as caught:
        core.replace_namespaced_service("delay", NAMESPACE, second)
    assert caught.value.status == 409
    assert "the object has been modified" in status_of(caught)["message"]


def test_the_server_fills_in_what_a_manifest_leaves_out(
    core: client.CoreV1Api, apps: client.AppsV1Api
) -> None:
    """Clients find the defaults of the real server in what they read."""
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
    """Labels and status leave `generation` alone; replicas do not."""
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


def test_a_deployment_is_scaled_through_its_scale(admin: ApiClient, apps: client.AppsV1Api) -> None:
    """`scale` shows and changes the replicas, and whoever scales owns them."""
    apply(admin, deployment(replicas=2))
    scale = apps.read_namespaced_deployment_scale("delay-v3", NAMESPACE)
    assert scale.spec.replicas == 2
    scale.spec.replicas = 5
    apps.replace_namespaced_deployment_scale("delay-v3", NAMESPACE, scale, field_manager="kubectl")
    assert apps.read_namespaced_deployment("delay-v3", NAMESPACE).spec.replicas == 5
    with pytest.raises(ApiException) as caught:
        apply(admin, deployment(replicas=2))
    assert status_of(caught)["details"]["causes"] == [
        {
            "reason": "FieldManagerConflict",
            "message": 'conflict with "kubectl" with subresource "scale" using apps/v1',
            "field": ".spec.replicas",
        }
    ]


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("slipway/model=delay", ["a", "b"]),
        ("slipway/model=delay,slipway/version!=2", ["b"]),
        ("slipway/version in (2, 9)", ["a"]),
        ("slipway/version notin (2)", ["b", "c"]),
        ("!slipway/model", ["c"]),
        ("slipway/version", ["a", "b"]),
        ("", ["a", "b", "c"]),
    ],
)
def test_labels_select(core: client.CoreV1Api, selector: str, names: list[str]) -> None:
    """Every form of a label selector chooses the objects that it names."""
    for name, labels in (("a", {**LABELS, "slipway/version": "2"}), ("b", LABELS), ("c", {})):
        core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": name, "labels": labels}})
    found = core.list_namespaced_config_map(NAMESPACE, label_selector=selector)
    assert [item.metadata.name for item in found.items] == names


def test_fields_select_and_pages_follow_one_another(
    admin: ApiClient, core: client.CoreV1Api
) -> None:
    """A field selector chooses, and `continue` goes on where a page ended."""
    for name in ("a", "b", "c"):
        core.create_namespaced_pod(NAMESPACE, pod(name))
    found = core.list_namespaced_pod(
        NAMESPACE, field_selector="metadata.name!=b,status.phase=Pending"
    )
    assert [item.metadata.name for item in found.items] == ["a", "c"]
    path = f"/api/v1/namespaces/{NAMESPACE}/pods"
    first = ask(admin, "GET", path, limit="2")
    rest = ask(admin, "GET", path, limit="2", **{"continue": first["metadata"]["continue"]})
    names = [item["metadata"]["name"] for item in (*first["items"], *rest["items"])]
    assert names == ["a", "b", "c"]
    assert "continue" not in rest["metadata"]


def test_items_of_a_list_do_not_say_what_they_are(admin: ApiClient) -> None:
    """As on the real server, only objects of custom resources repeat their kind in a list."""
    apply(admin, service())
    apply(admin, route(10))
    services = ask(admin, "GET", f"/api/v1/namespaces/{NAMESPACE}/services")
    routes = ask(
        admin, "GET", f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes"
    )
    assert services["kind"] == "ServiceList"
    assert "kind" not in services["items"][0]
    assert routes["items"][0]["kind"] == "HTTPRoute"


def test_each_kind_of_patch_does_its_own(admin: ApiClient) -> None:
    """JSON patch edits, merge patch replaces lists, strategic merge knows their keys."""
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
    step = {"op": "replace", "path": "/spec/replicas", "value": 4}
    assert patch([step], "json-patch")["spec"]["replicas"] == 4
    changed["image"] = "server:2"
    assert env(patch(body, "merge-patch")) == {"B": "3"}
    body = {"metadata": {"labels": {"slipway/version": None}}}
    assert patch(body, "merge-patch")["metadata"]["labels"] == {"slipway/model": "delay"}


def test_a_custom_resource_takes_no_strategic_patch(admin: ApiClient) -> None:
    """The server knows the merge keys of its own kinds only."""
    apply(admin, route(10))
    path = f"/apis/gateway.networking.k8s.io/v1/namespaces/{NAMESPACE}/httproutes/delay"
    kind = "application/strategic-merge-patch+json"
    with pytest.raises(ApiException) as caught:
        ask(admin, "PATCH", path, {"spec": {}}, content_type=kind)
    assert caught.value.status == 415


def test_an_apply_creates_and_owns_just_what_it_says(admin: ApiClient) -> None:
    """Of an object, `managedFields` names what the manifest says, not the defaults around it."""
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


def test_an_apply_of_the_same_changes_nothing(admin: ApiClient) -> None:
    """A repeat keeps resourceVersion, generation and times."""
    for manifest in (deployment(A="1"), service(), route(10)):
        assert apply(admin, manifest) == apply(admin, manifest)


def test_what_an_apply_no_longer_says_goes(admin: ApiClient) -> None:
    """A field that only its applier owned is removed, or back at its default."""
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


def test_what_another_also_applied_stays(admin: ApiClient) -> None:
    """A field with two owners is there until both have let go."""
    apply(admin, service())
    other = {**service(), "spec": {"ports": service()["spec"]["ports"]}}
    apply(admin, other, manager="gitops")
    bare = {**service(), "metadata": {"name": "delay"}, "spec": {"selector": LABELS}}
    after = apply(admin, bare)
    assert after["metadata"]["annotations"] == {"slipway/token": "7"}
    assert len(after["spec"]["ports"]) == 1
    assert "f:ports" not in managers(after)["slipway"]["f:spec"]


def test_an_edit_by_hand_is_a_conflict(admin: ApiClient) -> None:
    """Whoever changes a field owns it, and the next apply is told who and which field."""
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
    said = status_of(caught)
    assert said["reason"] == "Conflict"
    assert said["message"] == (
        'Apply failed with 1 conflict: conflict with "kubectl-edit" using '
        "gateway.networking.k8s.io/v1: .spec.rules"
    )
    forced = apply(admin, route(20), force="true")
    assert forced["spec"]["rules"][0]["backendRefs"][0]["weight"] == 20
    assert "kubectl-edit" not in managers(forced)
    assert apply(admin, route(30))["spec"]["rules"][0]["backendRefs"][0]["weight"] == 30


def test_a_writer_without_a_manager_is_named_after_its_client(
    admin: ApiClient, core: client.CoreV1Api
) -> None:
    """The field manager is the start of the User-Agent, as on the real server."""
    apply(admin, service())
    core.patch_namespaced_service("delay", NAMESPACE, {"spec": {"selector": {"lane": "entry"}}})
    found = ask(admin, "GET", f"/api/v1/namespaces/{NAMESPACE}/services/delay")
    assert set(managers(found)) == {"slipway", "OpenAPI-Generator"}
    assert managers(found)["OpenAPI-Generator"] == {"f:spec": {"f:selector": {}}}
    assert "f:selector" not in managers(found)["slipway"]["f:spec"]


def test_an_apply_with_a_version_is_a_lock(admin: ApiClient) -> None:
    """An apply that names an old resourceVersion is refused, and no field is to blame."""
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
    """Without a manager it is refused, and so is a field that the kind does not have."""
    with pytest.raises(ApiException) as caught:
        apply(admin, service(), manager="")
    assert caught.value.status == 422
    with pytest.raises(ApiException) as caught:
        apply(admin, service(selektor={}))
    assert ".spec.selektor: field not declared in schema" in status_of(caught)["message"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"metadata": {"name": "delay_v3"}}, "a lowercase RFC 1123 subdomain must consist of"),
        ({"metadata": {"labels": {"x": "a b"}}}, "a valid label must be an empty string or"),
        ({"spec": {"selector": {"matchLabels": {"x": "y"}}}}, "does not match template `labels`"),
        (
            {"spec": {"template": {"spec": {"restartPolicy": "Never"}}}},
            'Unsupported value: "Never": supported values: "Always"',
        ),
        ({"spec": {"template": {"spec": {"containers": []}}}}, "Required value"),
        ({"spec": {"selector": None}}, "spec.selector: Required value"),
        ({"spec": {"replicas": -1}}, "must be greater than or equal to 0"),
    ],
)
def test_a_faulty_object_is_refused(
    apps: client.AppsV1Api, change: dict[str, Any], said: str
) -> None:
    """The fault is named with its field, and the status is 422."""
    from tests.cluster.patching import merge

    with pytest.raises(ApiException) as caught:
        apps.create_namespaced_deployment(NAMESPACE, merge(deployment(), change))
    assert caught.value.status == 422
    assert said in status_of(caught)["message"]
    assert status_of(caught)["details"]["causes"]


def test_fields_that_the_kind_lacks_are_dropped_or_refused(core: client.CoreV1Api) -> None:
    """Strict refuses; the default drops them, as kubectl users know from typing errors."""
    body = pod()
    body["spec"]["contaners"] = []
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, body, field_validation="Strict")
    assert caught.value.status == 400
    said = 'strict decoding error: unknown field "spec.contaners"'
    assert said in status_of(caught)["message"]
    assert core.create_namespaced_pod(NAMESPACE, body).metadata.name == "fit"
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod(NAMESPACE, {**pod("b"), "spec": {"containers": "none"}})
    assert caught.value.status == 400


def test_some_fields_never_change(core: client.CoreV1Api, apps: client.AppsV1Api) -> None:
    """A selector, a cluster address and most of a pod's spec are for ever."""
    apps.create_namespaced_deployment(NAMESPACE, deployment())
    other = {"matchLabels": {**LABELS, "x": "y"}}
    body = {"spec": {"selector": other, "template": {"metadata": {"labels": other["matchLabels"]}}}}
    with pytest.raises(ApiException, match="field is immutable"):
        apps.patch_namespaced_deployment("delay-v3", NAMESPACE, body)
    core.create_namespaced_pod(NAMESPACE, pod())
    with pytest.raises(ApiException, match="pod updates may not change fields"):
        core.patch_namespaced_pod("fit", NAMESPACE, {"spec": {"restartPolicy": "Always"}})
    core.create_namespaced_service(NAMESPACE, service())
    with pytest.raises(ApiException, match="may not change once set"):
        core.patch_namespaced_service("delay", NAMESPACE, {"spec": {"clusterIP": "10.9.9.9"}})


def test_a_pod_on_a_node_ends_before_it_goes(api: Api, core: client.CoreV1Api) -> None:
    """Deleting marks it with a grace period; who runs it takes it away."""
    core.create_namespaced_pod(NAMESPACE, pod(nodeName="node-1"))
    marked = core.delete_namespaced_pod("fit", NAMESPACE, grace_period_seconds=5)
    assert marked.metadata.deletion_grace_period_seconds == 5
    assert core.read_namespaced_pod("fit", NAMESPACE).metadata.deletion_timestamp
    api.objects.delete("Pod", NAMESPACE, "fit", grace_seconds=0)
    with pytest.raises(ApiException):
        core.read_namespaced_pod("fit", NAMESPACE)


def test_a_finaliser_holds_an_object(core: client.CoreV1Api) -> None:
    """It goes when the last finaliser is taken off."""
    body = {"metadata": {"name": "held", "finalizers": ["example.org/hold"]}}
    core.create_namespaced_config_map(NAMESPACE, body)
    core.delete_namespaced_config_map("held", NAMESPACE)
    assert core.read_namespaced_config_map("held", NAMESPACE).metadata.deletion_timestamp
    core.patch_namespaced_config_map("held", NAMESPACE, {"metadata": {"finalizers": None}})
    with pytest.raises(ApiException):
        core.read_namespaced_config_map("held", NAMESPACE)


def test_a_budget_without_room_stops_an_eviction(api: Api, core: client.CoreV1Api) -> None:
    """Eviction asks the PodDisruptionBudget; deleting does not."""
    core.create_namespaced_pod(NAMESPACE, pod())
    budget = {
        "kind": "PodDisruptionBudget",
        "metadata": {"name": "delay", "namespace": NAMESPACE},
        "spec": {"minAvailable": 1, "selector": {"matchLabels": LABELS}},
    }
    api.objects.create(budget)
    eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name="fit", namespace=NAMESPACE))
    with pytest.raises(ApiException) as caught:
        core.create_namespaced_pod_eviction("fit", NAMESPACE, eviction)
    assert caught.value.status == 429
    api.objects.set_status("PodDisruptionBudget", NAMESPACE, "delay", {"disruptionsAllowed": 1})
    core.create_namespaced_pod_eviction("fit", NAMESPACE, eviction)
    assert core.list_namespaced_pod(NAMESPACE).items == []


def test_a_watch_tells_what_changed_since_a_version(api: Api, core: client.CoreV1Api) -> None:
    """From a list's version on, only what matches the selector, also as it comes and goes."""
    core.create_namespaced_pod(NAMESPACE, pod("a"))
    version = core.list_namespaced_pod(NAMESPACE).metadata.resource_version
    core.create_namespaced_pod(NAMESPACE, pod("b"))
    core.patch_namespaced_pod("b", NAMESPACE, {"metadata": {"labels": {"seen": "yes"}}})
    core.patch_namespaced_pod("a", NAMESPACE, {"metadata": {"labels": {"slipway/model": "x"}}})
    core.delete_namespaced_pod("b", NAMESPACE)
    seen = [
        (event["type"], event["object"].metadata.name)
        for event in watch.Watch().stream(
            core.list_namespaced_pod,
            NAMESPACE,
            label_selector="slipway/model=delay",
            resource_version=version,
            timeout_seconds=1,
        )
    ]
    assert seen == [("ADDED", "b"), ("MODIFIED", "b"), ("DELETED", "a"), ("DELETED", "b")]
    assert api.drop_watches() == 0


def test_a_watch_without_a_version_begins_with_what_is_there(core: client.CoreV1Api) -> None:
    """And goes on with what happens while it is open."""
    core.create_namespaced_pod(NAMESPACE, pod("a"))
    seen = []
    watcher = watch.Watch()
    for event in watcher.stream(core.list_namespaced_pod, NAMESPACE, timeout_seconds=10):
        seen.append((event["type"], event["object"].metadata.name))
        if len(seen) == 1:
            core.create_namespaced_pod(NAMESPACE, pod("b"))
        else:
            watcher.stop()
    assert seen == [("ADDED", "a"), ("ADDED", "b")]


def test_bookmarks_come_to_those_who_want_them(admin: ApiClient) -> None:
    """A bookmark carries the newest version and no object."""
    response = admin.call_api(
        f"/api/v1/namespaces/{NAMESPACE}/pods",
        "GET",
        query_params=[
            ("watch", "true"),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", "1"),
            ("resourceVersion", "1"),
        ],
        auth_settings=["BearerToken"],
        _preload_content=False,
    )
    with closing(response):
        lines = [json.loads(line) for line in response.data.splitlines()]
    assert {line["type"] for line in lines} == {"BOOKMARK"}
    assert int(lines[-1]["object"]["metadata"]["resourceVersion"]) >= 3


def test_a_watch_from_long_ago_is_told_so(core: client.CoreV1Api, api: Api) -> None:
    """Where the history no longer reaches, the answer is 410 Gone."""
    core.create_namespaced_pod(NAMESPACE, pod())
    api.objects.forget()
    with pytest.raises(ApiException) as caught:
        next(watch.Watch().stream(core.list_namespaced_pod, NAMESPACE, resource_version="1"))
    assert caught.value.status == 410


def test_a_dropped_watch_breaks_in_the_middle(api: Api, core: client.CoreV1Api) -> None:
    """The client sees a broken connection, not the end of the stream."""

    def drop() -> None:
        while not api.drop_watches():
            time.sleep(0.01)

    core.create_namespaced_pod(NAMESPACE, pod("a"))
    thread = threading.Thread(target=drop)
    thread.start()
    response = core.list_namespaced_pod(NAMESPACE, watch=True, _preload_content=False)
    with closing(response), pytest.raises(Exception, match="ended prematurely"):
        list(response.stream())
    thread.join()


def test_the_log_of_a_container_is_followed_to_its_end(
    api: Api, core: client.CoreV1Api, tmp_path: Path
) -> None:
    """Lines come as they are written, with their times if asked for, until it has ended."""
    core.create_namespaced_pod(NAMESPACE, pod())
    with pytest.raises(ApiException, match="is waiting to start: ContainerCreating"):
        core.read_namespaced_pod_log("fit", NAMESPACE)
    running = {"name": "base", "state": {"running": {}}}
    api.objects.set_status("Pod", NAMESPACE, "fit", {"containerStatuses": [running]})
    log = tmp_path / "fit-base.log"
    log.write_text("2026-01-01T00:00:00.000000001Z one\n2026-01-01T00:00:01.000000001Z two\n")
    assert log_of(core) == "one\ntwo\n"
    stamped = log_of(core, timestamps=True, tail_lines=1)
    assert stamped == "2026-01-01T00:00:01.000000001Z two\n"
    assert log_of(core, since_seconds=60) == ""

    def end() -> None:
        time.sleep(0.2)
        with log.open("a") as file:
            file.write("2026-01-01T00:00:02.000000001Z three\n")
        ended = {"name": "base", "state": {"terminated": {"exitCode": 0}}}
        api.objects.set_status("Pod", NAMESPACE, "fit", {"containerStatuses": [ended]})

    thread = threading.Thread(target=end)
    thread.start()
    followed = log_of(core, follow=True, container="base")
    thread.join()
    assert followed == "one\ntwo\nthree\n"
    with pytest.raises(ApiException, match="container other is not valid for pod fit"):
        log_of(core, container="other")


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


@pytest.mark.parametrize("status", [429, 500, 503, 409])
def test_a_fault_comes_as_often_as_told(api: Api, core: client.CoreV1Api, status: int) -> None:
    """So many requests that fit go wrong; others do not, and then none does."""
    api.fail(Fault("create", "Pod", status=status, times=2))
    core.create_namespaced_config_map(NAMESPACE, {"metadata": {"name": "other"}})
    for _ in range(2):
        with pytest.raises(ApiException) as caught:
            core.create_namespaced_pod(NAMESPACE, pod())
        assert caught.value.status == status
    assert core.create_namespaced_pod(NAMESPACE, pod()).metadata.name == "fit"


def test_a_fault_can_lose_the_answer_only(api: Api, core: client.CoreV1Api) -> None:
    """The request is carried out and the client does not learn of it."""
    api.fail(Fault("create", "Pod", status=500, after=True))
    with pytest.raises(ApiException):
        core.create_namespaced_pod(NAMESPACE, pod())
    assert core.read_namespaced_pod("fit", NAMESPACE).metadata.name == "fit"


def test_a_fault_can_keep_silent(api: Api, core: client.CoreV1Api) -> None:
    """A client with less patience than the server gives up by itself."""
    api.fail(Fault("list", "Pod", hang_seconds=0.5))
    with pytest.raises(Exception, match="timed out"):
        core.list_namespaced_pod(NAMESPACE, _request_timeout=0.1)
    assert core.list_namespaced_pod(NAMESPACE).items == []


def test_a_server_that_is_gone_comes_back_with_everything(api: Api, core: client.CoreV1Api) -> None:
    """Stopped, it refuses connections; started again, its objects are where they were."""
    core.create_namespaced_pod(NAMESPACE, pod())
    api.stop()
    with pytest.raises(Exception, match=r"refused|Max retries"):
        core.list_namespaced_pod(NAMESPACE)
    api.start()
    assert len(core.list_namespaced_pod(NAMESPACE).items) == 1


def test_the_cluster_says_what_it_knows(admin: ApiClient) -> None:
    """Discovery shows the Gateway API where the cluster has it, and only there."""
    groups = {group.name for group in client.ApisApi(admin).get_api_versions().groups}
    assert {"apps", "policy", "gateway.networking.k8s.io"} <= groups
    resources = client.AppsV1Api(admin).get_api_resources().resources
    assert "deployments/scale" in {found.name for found in resources}
    assert client.VersionApi(admin).get_code().git_version == "v1.36.0"


def test_a_cluster_without_the_gateway_api_has_no_routes() -> None:
    """Where nobody installed it, every path of it is 404."""
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
