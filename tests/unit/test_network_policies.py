"""The namespace's NetworkPolicies allow what each pod needs, and no more."""

from __future__ import annotations

import pytest

from tests.support.kustomize import (
    OVERLAYS,
    ROLLOUT_STAGES,
    allows,
    bearers,
    laid_out,
    of_kind,
    reached,
    rendered,
    selects,
)

each_layout = pytest.mark.parametrize("layout", ["as written", *OVERLAYS])


@each_layout
def test_policies_select_pods_that_there_are(layout: str) -> None:
    """Every pod selector of a policy selects one of Slipway's pods."""
    objects = laid_out(layout)
    labels = bearers(objects).values()
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
    """One policy selects every pod and allows nothing in or out."""
    (deny,) = [
        one["spec"]
        for one in of_kind(laid_out(layout), "NetworkPolicy")
        if one["metadata"]["name"] == "default-deny"
    ]
    assert deny == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}


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


@each_layout
def test_only_who_mounts_a_token_reaches_the_api(layout: str) -> None:
    """Port 6443 is open to the stages of a rollout and to Airflow."""
    objects = laid_out(layout)
    reaching = {one for one in bearers(objects) if 6443 in reached(objects, one)}
    assert reaching == {f"stage {stage}" for stage in ROLLOUT_STAGES} | {"slipway-airflow"}


def test_the_store_of_a_cluster_of_ones_own_is_a_pod() -> None:
    """In dev the store is a pod of the namespace, and no outside address is open."""
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
