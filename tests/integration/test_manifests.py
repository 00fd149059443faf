"""The suite's manifests are valid and stay in their namespace; no cluster is needed."""

from __future__ import annotations

import json
import re

import kubernetes_validate
import pytest

from tests.integration import manifests
from tests.integration.api import BINDING, POLICY, Manifest
from tests.integration.suite_cluster import PARTS, namespace_of

NAMESPACE, IMAGE = "slipway-it-0", "registry.example.org/team/slipway-integration:0.1.0"
FILES = {"include/models/ferry_delay/model.yaml": "model: ferry_delay\n"}
OWN = "cilium.io/v2"


def all_of_it() -> list[Manifest]:
    """Every object that the suite may deploy, but for pods of tests."""
    return [
        *manifests.foundation(NAMESPACE, image=IMAGE),
        *manifests.settings(NAMESPACE, store_url="http://10.0.0.1:8333", project=FILES),
        *manifests.to_api_server(NAMESPACE, known={"10.0.0.9": {6443}}, by_cilium=True),
        manifests.allowed_hosts(NAMESPACE, "10.0.0.2:5000"),
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


def test_everything_lies_in_namespaces_of_its_own() -> None:
    """No object is in a namespace of a real installation, and no policy has the name of its own."""
    found = all_of_it()
    own = {namespace_of(NAMESPACE, part) for part in PARTS}
    assert {one["metadata"]["name"] for one in found if one["kind"] == "Namespace"} == own
    assert {one["metadata"].get("namespace", NAMESPACE) for one in found} <= own
    for one in found:
        text = json.dumps(one)
        assert not re.search(r'"namespace": "slipway(-stages|-serving)?"', text)
        assert not re.search(r"serviceaccount:slipway(-stages)?:", text)
        assert "slipway-mlflow.slipway:" not in text
        assert "slipway/part" not in text
        if one["kind"] in (POLICY, BINDING):
            assert one["metadata"]["name"].startswith(NAMESPACE)


def test_every_container_has_the_given_image() -> None:
    """One image is enough for the whole suite."""
    pods = [one["spec"]["template"] for one in all_of_it() if one["kind"] == "Deployment"]
    images = [container["image"] for pod in pods for container in pod["spec"]["containers"]]
    assert images == [IMAGE, IMAGE]


def test_rollouts_reach_the_api_server_at_its_addresses() -> None:
    """Those behind its Service; where they are not to be seen any, and by name for Cilium."""
    known = {"10.0.0.9": {6443}, "fd00::1": {8443}}
    [policy] = manifests.to_api_server(NAMESPACE, known=known, by_cilium=False)
    blocks = [rule["to"][0]["ipBlock"]["cidr"] for rule in policy["spec"]["egress"]]
    assert blocks == ["10.0.0.9/32", "fd00::1/128"]
    [unseen, entity] = manifests.to_api_server(NAMESPACE, known={}, by_cilium=True)
    assert [one["port"] for one in unseen["spec"]["egress"][0]["ports"]] == [443, 6443]
    assert entity["spec"]["egress"] == [{"toEntities": ["kube-apiserver"]}]
