"""The suite's manifests are valid and stay in their namespace; no cluster is needed."""

from __future__ import annotations

import json

import kubernetes_validate
import pytest

from tests.integration import manifests
from tests.integration.api import Manifest

NAMESPACE, IMAGE = "slipway-it-0", "registry.example.org/team/slipway-integration:0.1.0"
FILES = {"include/models/ferry_delay/model.yaml": "model: ferry_delay\n"}
OWN = "cilium.io/v2"


def all_of_it() -> list[Manifest]:
    """Every object that the suite may deploy, but for pods of tests."""
    return [
        *manifests.foundation(NAMESPACE, image=IMAGE),
        *manifests.settings(NAMESPACE, store_url="http://10.0.0.1:8333", project=FILES),
        *manifests.to_api_server(NAMESPACE, ports={443, 8443}, by_cilium=True),
        manifests.allowed_hosts(NAMESPACE, "10.0.0.2:5000"),
        manifests.clients_to_gateway(NAMESPACE, "infra"),
    ]


@pytest.mark.parametrize("version", ["1.34", "1.35", "1.36"])
def test_kubernetes_knows_every_field(version: str) -> None:
    """Strict validation by the schemas of three versions."""
    for one in all_of_it():
        if one["apiVersion"] != OWN:
            kubernetes_validate.validate(one, version, strict=True)
    pod = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": "p"}}
    pod["spec"] = manifests.restricted(IMAGE, ["true"], volumes=[manifests.project_volume(FILES)])
    kubernetes_validate.validate(pod, version, strict=True)


def test_everything_lies_in_its_own_namespace() -> None:
    """No object is in the namespace `slipway` of a real installation."""
    found = all_of_it()
    assert found[0]["kind"] == "Namespace"
    assert {one["metadata"].get("namespace", NAMESPACE) for one in found} == {NAMESPACE}
    assert [one["metadata"]["name"] for one in found if one["kind"] == "Namespace"] == [NAMESPACE]
    for one in found:
        assert '"namespace": "slipway"' not in json.dumps(one)
        assert "slipway-mlflow.slipway:" not in json.dumps(one)


def test_every_container_has_the_given_image() -> None:
    """One image is enough for the whole suite."""
    pods = [one["spec"]["template"] for one in all_of_it() if one["kind"] == "Deployment"]
    images = [container["image"] for pod in pods for container in pod["spec"]["containers"]]
    assert images == [IMAGE, IMAGE]


def test_a_policy_is_added_where_the_base_does_not_reach() -> None:
    """API servers on other ports need one, and so does Cilium."""
    assert list(manifests.to_api_server(NAMESPACE, ports={6443}, by_cilium=False)) == []
    [port] = manifests.to_api_server(NAMESPACE, ports={6443, 8443}, by_cilium=False)
    assert [one["port"] for one in port["spec"]["egress"][0]["ports"]] == [8443]
    [entity] = manifests.to_api_server(NAMESPACE, ports=set(), by_cilium=True)
    assert entity["spec"]["egress"] == [{"toEntities": ["kube-apiserver"]}]
