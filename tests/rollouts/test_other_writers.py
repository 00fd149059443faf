"""Other writers: people, superseded rollouts, and objects without Slipway's label."""

from __future__ import annotations

import time
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.manifests.candidate import candidate_objects
from slipway.errors import (
    EditedByHand,
    Superseded,
)
from tests.rollouts.cluster_model import SHARED, ClusterModel, default_sizing, wait_until_settled
from tests.support.models_on_cluster import IMAGE, MODEL, NAME


def test_an_edit_of_the_entry_is_reported_and_kept(model: ClusterModel) -> None:
    """The report has the manager; once the edit is undone, the rollout goes on."""
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    before = model.cluster.get(model.entry_kind, NAME)["spec"]
    if model.by_route:
        rules = [*before["rules"][:-1], {**before["rules"][-1]}]
        rules[-1]["backendRefs"] = [{**one, "weight": 1} for one in rules[-1]["backendRefs"]]
        change: dict[str, Any] = {"rules": rules}
        undo: dict[str, Any] = {"rules": before["rules"]}
    else:
        change = {"selector": {"slipway/version": "2"}}
        undo = {"selector": {"slipway/version": None}}
    model.cluster.patch(model.entry_kind, NAME, {"spec": change}, manager="kubectl-edit")
    edited = model.served().edited
    assert edited is not None
    assert edited.startswith(f"{model.entry_kind} ")
    assert edited.endswith("set by kubectl-edit")
    found = model.cluster.get(model.entry_kind, NAME)["spec"]
    for weights in ({2: 0.5, 1: 0.5}, {1: 1.0}):
        with pytest.raises(EditedByHand) as caught:
            model.serve(weights, token=2)
        assert "kubectl-edit" in str(caught.value)
    assert model.cluster.get(model.entry_kind, NAME)["spec"] == found
    model.cluster.patch(model.entry_kind, NAME, {"spec": undo}, manager="kubectl-edit")
    assert model.served().edited is None
    model.serve({1: 1.0}, token=2)
    assert model.served().version == 1


def test_an_edit_of_the_replicas_is_reported_and_kept(routed: ClusterModel) -> None:
    """The report has the manager."""
    routed.serve({1: 1.0})
    routed.cluster.patch("Deployment", f"{NAME}-v1", {"spec": {"replicas": 2}}, "kubectl-scale")
    report = "version 1 has 2 replicas instead of 1, set by kubectl-scale"
    assert routed.served().edited == report
    with pytest.raises(EditedByHand, match="edited by hand"):
        routed.serve(SHARED, token=2)
    assert routed.cluster.get("Deployment", f"{NAME}-v1")["spec"]["replicas"] == 2


def test_a_rollout_that_came_too_late_changes_nothing(routed: ClusterModel) -> None:
    """The newer rollout's token is on the entry point."""
    routed.serve({1: 1.0}, token=5)
    wait_until_settled(routed.cluster)
    before, writes = routed.state(), routed.writes()
    with pytest.raises(Superseded, match="belongs to a newer rollout"):
        routed.another().apply(MODEL, weights={2: 1.0}, keep=(1,), token=4)
    assert routed.state() == before
    assert routed.writes() == writes


def test_a_rollout_overtaken_while_it_waits_gives_up(routed: ClusterModel) -> None:
    """It neither changes weights nor deletes the newer rollout's objects."""
    routed.serve({1: 1.0}, token=1)
    newer = routed.another()
    taken: list[int] = []

    def overtake(seconds: float) -> None:
        if not taken:
            taken.append(1)
            newer.apply(MODEL, weights={3: 1.0}, keep=(1,), token=9)
        time.sleep(seconds)

    object.__setattr__(routed.platform._context, "sleep", overtake)  # noqa: SLF001
    with pytest.raises(Superseded):
        routed.serve(SHARED, token=2)
    assert taken
    assert routed.served().version == 3
    assert routed.served().token == 9


def test_an_unmanaged_deployment_is_ignored(routed: ClusterModel) -> None:
    """A Deployment with the model's label, but without the label of Slipway's objects."""
    foreign = _foreign()
    routed.cluster.apply(foreign, manager="kubectl")
    routed.serve({1: 1.0})
    for manifest in candidate_objects(routed.spec, 3, sizing=default_sizing(routed.spec)):
        routed.cluster.apply(manifest, manager="slipway")
    routed.serve({2: 1.0}, token=2)
    assert routed.versions() == ["another", f"{NAME}-v2"]
    assert routed.served().weights == {2: 1.0}


def _foreign() -> dict[str, Any]:
    pod = {
        "automountServiceAccountToken": False,
        "securityContext": {"runAsNonRoot": True, "seccompProfile": {"type": "RuntimeDefault"}},
        "containers": [{"name": "base", "image": IMAGE, "command": ["sleep", "600"]}],
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "another",
            "namespace": "slipway-serving",
            "labels": {"slipway/model": MODEL, "slipway/version": "9"},
        },
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": "another"}},
            "template": {"metadata": {"labels": {"app": "another"}}, "spec": pod},
        },
    }
