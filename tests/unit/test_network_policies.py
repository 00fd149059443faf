"""NetworkPolicies allow what each pod needs, and no more."""

from __future__ import annotations

import ipaddress
import os
import subprocess
from pathlib import Path

import pytest
import yaml

from tests.support.kustomize import (
    FOLDER,
    NAMESPACES,
    OVERLAYS,
    ROLLOUT_STAGES,
    allows,
    bearers,
    documents,
    laid_out,
    of_kind,
    policies_of,
    reached,
    rendered,
    selects,
)

each_overlay = pytest.mark.parametrize("overlay", OVERLAYS)
each_layout = pytest.mark.parametrize("layout", ["as written", *OVERLAYS])


@each_layout
def test_policies_select_pods_that_there_are(layout: str) -> None:
    """Every pod selector of a policy selects one of Slipway's pods."""
    objects = laid_out(layout)
    labels = [one.labels for one in bearers(objects).values()]
    for policy in of_kind(objects, "NetworkPolicy"):
        spec = policy["spec"]
        peers = [
            peer["podSelector"]
            for side, field in (("ingress", "from"), ("egress", "to"))
            for rule in spec.get(side, [])
            for peer in rule[field]
            if "podSelector" in peer
        ]
        for selector in [spec["podSelector"], *peers]:
            assert any(selects(selector, one) for one in labels), policy["metadata"]["name"]


@each_layout
def test_nothing_is_allowed_by_default(layout: str) -> None:
    """One policy of each namespace selects every pod and allows nothing in or out."""
    denied = {
        one["metadata"]["namespace"]: one["spec"]
        for one in of_kind(laid_out(layout), "NetworkPolicy")
        if one["metadata"]["name"] == "default-deny"
    }
    every = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}
    assert denied == dict.fromkeys(NAMESPACES, every)


@each_layout
def test_allowed_connections(layout: str) -> None:
    """MLflow: from stages, servers and Airflow. Servers: from rollouts and clients."""
    objects = laid_out(layout)
    everyone = set(bearers(objects))
    to_mlflow = {one for one in everyone if allows(objects, one, "slipway-mlflow", port=5000)}
    stages = {one for one in everyone if one.startswith("stage ")}
    assert to_mlflow == stages | {"server", "slipway-airflow"}
    to_servers = {one for one in everyone if allows(objects, one, "server", port=8080)}
    assert to_servers == {f"stage {stage}" for stage in ROLLOUT_STAGES} | {"client"}
    assert {one for one in everyone if allows(objects, one, "slipway-airflow", port=8080)} == set()


@each_overlay
def test_only_who_mounts_a_token_reaches_the_api(overlay: str) -> None:
    """The API server is open to the stages of a rollout and to Airflow."""
    objects = rendered(overlay)
    selected = [
        one
        for one in of_kind(objects, "NetworkPolicy")
        if one["metadata"].get("labels", {}).get("slipway/reaches") == "api-server"
    ]
    reaching = {
        name
        for name, pod in bearers(objects).items()
        if any(one in selected for one in policies_of(objects, pod))
    }
    assert reaching == {f"stage {stage}" for stage in ROLLOUT_STAGES} | {"slipway-airflow"}
    assert all(one["spec"]["egress"] for one in selected)


@each_overlay
def test_no_pod_reaches_every_address(overlay: str) -> None:
    """An address block has a prefix of at least 12 bits, or 32 for IPv6."""
    for policy in of_kind(rendered(overlay), "NetworkPolicy"):
        for rule in policy["spec"].get("egress", []):
            for block in (one["ipBlock"]["cidr"] for one in rule["to"] if "ipBlock" in one):
                network = ipaddress.ip_network(block)
                assert network.prefixlen >= (12 if network.version == 4 else 32), block


def test_the_base_reaches_no_address_before_an_overlay_fills_it_in() -> None:
    """Its policies to the API server, the store and the databases allow nothing."""
    files = [
        *(FOLDER / "base").rglob("network.yaml"),
        *(FOLDER / "components").rglob("network.yaml"),
    ]
    found = [
        one
        for file in files
        for one in documents(file.read_text())
        if "slipway/reaches" in one["metadata"].get("labels", {})
    ]
    assert len(found) == 6
    assert all(one["spec"]["egress"] == [] for one in found)


def test_the_addresses_of_an_api_server_are_printed_for_an_overlay(tmp_path: Path) -> None:
    """The tool reads them from the Service `kubernetes`, with those of IPv6, and their port."""
    kubectl = tmp_path / "kubectl"
    kubectl.write_text("#!/bin/sh\nprintf '6443 10.0.0.1 10.0.0.2 \\n6443 fd00::1 \\n'\n")
    kubectl.chmod(0o755)
    done = subprocess.run(
        [FOLDER / "tools" / "api-server.sh"],
        env={"PATH": f"{tmp_path}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    [patch] = yaml.safe_load(done.stdout)
    blocks = [[one["ipBlock"]["cidr"] for one in rule["to"]] for rule in patch["value"]]
    assert blocks == [["10.0.0.1/32", "10.0.0.2/32"], ["fd00::1/128"]]
    assert [rule["ports"] for rule in patch["value"]] == [[{"protocol": "TCP", "port": 6443}]] * 2


def test_the_store_of_a_cluster_of_ones_own_is_a_pod() -> None:
    """In dev the store is a pod, and no outside address is open."""
    objects = rendered("dev")
    for one in ("stage train", "server", "slipway-mlflow", "slipway-airflow"):
        assert allows(objects, one, "slipway-store", port=8333)
    assert not allows(objects, "client", "slipway-store", port=8333)
    assert reached(objects, "stage train") == set()
    assert reached(objects, "server") == set()


@pytest.mark.parametrize("overlay", ["staging", "production"])
def test_the_store_of_an_environment_is_an_address(overlay: str) -> None:
    """Stages and servers reach S3 over TLS, and only MLflow and Airflow a database."""
    objects = rendered(overlay)
    assert {443} <= reached(objects, "stage train") <= {443, 80}
    assert {443} <= reached(objects, "server") <= {443, 80}
    with_database = {one for one in bearers(objects) if 5432 in reached(objects, one)}
    assert with_database == {"slipway-mlflow", "slipway-airflow"}
