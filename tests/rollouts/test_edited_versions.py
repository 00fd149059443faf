"""Manual edits of a version's objects during a canary: detected, reported, not overwritten."""

from __future__ import annotations

from typing import Any

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.errors import EditedByHand
from tests.rollouts.cluster_model import SHARED, ClusterModel, wait_until_settled
from tests.support.models_on_cluster import IMAGE, NAME, request_body

Manifest = dict[str, Any]

BY_HAND = "server:by-hand"
BUDGET = "PodDisruptionBudget"
SERVER = '.spec.template.spec.containers[name="server"]'
CANARY, CHAMPION = f"{NAME}-v2", f"{NAME}-v1"


def image(name: str) -> Manifest:
    """An edit like `kubectl set image`."""
    return _template(spec={"containers": [{"name": "server", "image": name}]})


def scratch(value: str | None) -> Manifest:
    """An edit like `kubectl set env`, with None for a removal."""
    change = {"value": value} if value is not None else {"$patch": "delete"}
    one = {"name": "server", "env": [{"name": "SLIPWAY_SCRATCH", **change}]}
    return _template(spec={"containers": [one]})


def port(**changed: Any) -> Manifest:
    """An edit of a Service's port, like `kubectl edit`."""
    return {"spec": {"ports": [{"port": 8080, "protocol": "TCP", **changed}]}}


def _template(**changed: Any) -> Manifest:
    return {"spec": {"template": changed}}


IS = scratch("/var/slipway/scratch")
MOVED = {"spec": {"ports": [{"$patch": "delete", "port": 8080}, {"name": "http", "port": 81}]}}
MOVED_BACK = {"spec": {"ports": [{"$patch": "delete", "port": 81}, *port()["spec"]["ports"]]}}
MOVED_BACK["spec"]["ports"][1] |= {"name": "http", "targetPort": "http"}


def edits() -> list[tuple[str, str, Manifest, Manifest, str]]:
    """Edits by kind and name: the edit, its reversal, and the report."""
    by = "by kubectl-edit"
    variable = f'{SERVER}.env[name="SLIPWAY_SCRATCH"]'
    budget = {"maxUnavailable": None, "minAvailable": 1}
    free = "SLIPWAY_MIN_FREE_BYTES"
    return [
        ("Deployment", CANARY, image(BY_HAND), image(IMAGE), f"{SERVER}.image set {by}"),
        ("Deployment", CHAMPION, scratch("/x"), IS, f"{variable}.value set {by}"),
        ("Deployment", CHAMPION, scratch(None), IS, f"{SERVER}.env removed by an unknown manager"),
        (
            # The Service for request counts is edited; clients use the other one.
            *("Service", f"{CANARY}-pods", MOVED, MOVED_BACK),
            f'.spec.ports[port=8080,protocol="TCP"] removed {by}',
        ),
        (
            *("Service", f"{CHAMPION}-pods", port(targetPort=81), port(targetPort="http")),
            f'.spec.ports[port=8080,protocol="TCP"].targetPort set {by}',
        ),
        (
            *(BUDGET, CANARY, {"spec": budget}),
            *({"spec": {"maxUnavailable": 1, "minAvailable": None}},),
            f".spec.maxUnavailable removed {by}",
        ),
        (
            *("ConfigMap", "slipway-settings", {"data": {free: "1"}}, {"data": {free: "0"}}),
            f".data.{free} set {by}",
        ),
    ]


def test_an_edit_during_a_canary_is_reported_and_kept(model: ClusterModel) -> None:
    """With object, field and manager; nothing is written until the edit is undone."""
    model.cluster.images.add(BY_HAND)
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    with model.clients() as clients:
        for kind, name, change, undo, words in edits():
            model.cluster.patch(kind, name, change, "kubectl-edit")
            writes = model.writes()
            report = f"{kind} {name}: {words}"
            assert model.served().edited == report
            assert not model.served().has_edited_traffic
            for weights, keep in ((SHARED, ()), ({2: 0.5, 1: 0.5}, ()), ({2: 1.0}, (1,))):
                with pytest.raises(EditedByHand, match="edited by hand") as caught:
                    model.serve(weights, *keep, token=2)
                assert report in str(caught.value)
                assert "give the fields back" in str(caught.value)
            assert model.writes() == writes
            model.cluster.patch(kind, name, undo, "kubectl-edit")
            assert model.served().edited is None
        clients.after(10)
    assert not clients.failures
    model.serve({2: 1.0}, 1, token=2)
    assert model.served().version == 2
    assert model.served().edited is None


def test_an_edited_canary_can_be_rolled_back(model: ClusterModel) -> None:
    """Its weight becomes 0; the edit stays, and is reported until it is undone or reclaimed."""
    model.cluster.images.add(BY_HAND)
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    for name in (CANARY, CHAMPION):
        model.cluster.patch("Deployment", name, image(BY_HAND), "kubectl-set")
    model.cluster.patch(BUDGET, CHAMPION, {"spec": {"maxUnavailable": 0}}, "kubectl-edit")
    with model.clients() as clients:
        model.serve({1: 1.0}, token=2)
        assert model.served().weights == {1: 1.0}
        assert set(clients.after(20)) == {1}
    assert not clients.failures
    budget = model.cluster.get(BUDGET, CHAMPION)["spec"]
    assert budget["maxUnavailable"] == 0
    assert model.versions() == [CHAMPION, CANARY]
    assert {_image_of(model, name) for name in model.versions()} == {BY_HAND}
    assert model.cluster.find("Service", CANARY) is None
    for name in (CHAMPION, CANARY, f"{BUDGET} {CHAMPION}"):
        assert name in str(model.served().edited)
    with pytest.raises(EditedByHand):
        model.serve({3: 0.1, 1: 0.9}, token=3)
    model.cluster.delete("Deployment", CANARY)
    model.cluster.patch("Deployment", CHAMPION, image(IMAGE), "kubectl-set")
    model.cluster.patch(BUDGET, CHAMPION, {"spec": {"maxUnavailable": 1}}, "kubectl-edit")
    model.serve({3: 0.1, 1: 0.9}, token=3)
    assert model.served().edited is None


def test_a_rollback_keeps_edited_fields(model: ClusterModel) -> None:
    """Of the version that serves and of the warm one, with the number of replicas."""
    model.cluster.images.add(BY_HAND)
    model.serve({1: 1.0})
    model.serve({2: 1.0}, 1, token=2)
    model.cluster.patch("Deployment", CHAMPION, {"spec": {"replicas": 2}}, "kubectl-scale")
    model.cluster.patch("Deployment", CHAMPION, scratch(None), "kubectl-set")
    model.cluster.patch("Deployment", CANARY, image(BY_HAND), "kubectl-set")
    with pytest.raises(EditedByHand):
        model.serve({1: 1.0}, 2, token=3)
    model.serve({1: 1.0}, 2, token=3, is_urgent=True)
    assert model.served().version == 1
    assert model.platform.ask("ferry_delay", request_body()).version == 1
    found = model.cluster.get("Deployment", CHAMPION)["spec"]
    assert found["replicas"] == 2
    assert "env" not in found["template"]["spec"]["containers"][0]
    assert _image_of(model, CANARY) == BY_HAND
    report = str(model.served().edited)
    assert "version 1 has 2 replicas instead of 1, set by kubectl-scale" in report
    assert f"Deployment {CANARY}: {SERVER}.image set by kubectl-set" in report


def test_fields_that_slipway_never_applied_are_ignored(model: ClusterModel) -> None:
    """A restart, additions of webhooks; a repeat changes nothing."""

    def webhook(_objects: Any, obj: Manifest, _before: Manifest | None) -> None:
        if obj["kind"] in {"Deployment", "Service", BUDGET}:
            obj["metadata"].setdefault("labels", {})["mesh.example.org/rev"] = "1"
        if obj["kind"] == "Deployment":
            labels = obj["spec"]["template"]["metadata"]["labels"]
            labels["mesh.example.org/inject"] = "true"

    model.cluster.objects.checks.append(webhook)
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    at = {"kubectl.kubernetes.io/restartedAt": "2026-01-02T03:04:05Z"}
    restart = _template(metadata={"annotations": at})
    model.cluster.patch("Deployment", CANARY, restart, "kubectl-rollout")
    later = {"metadata": {"labels": {"policy.example.org/seen": "yes"}}}
    for kind in ("Deployment", "Service", BUDGET):
        model.cluster.patch(kind, CANARY, later, "policy")
    assert model.served().edited is None
    model.cluster.wait("it was restarted", lambda: _is_settled(model))
    wait_until_settled(model.cluster)
    before = model.state()
    model.serve(SHARED, token=2)
    assert model.state() == before
    model.serve({2: 1.0}, 1, token=2)
    labels = model.cluster.get("Deployment", CANARY)["metadata"]["labels"]
    assert labels.items() >= {"mesh.example.org/rev": "1", **later["metadata"]["labels"]}.items()
    assert model.served().edited is None


def test_a_changed_spec_is_no_edit(routed: ClusterModel, registry: MlflowRegistry) -> None:
    """Versions keep the settings they were created with; a spec may change between rollouts."""
    routed.serve({1: 1.0})
    routed.cluster.images.add(BY_HAND)
    change = {"data": {"SLIPWAY_MIN_FREE_BYTES": "1"}}
    routed.cluster.patch("ConfigMap", "slipway-settings", change, "kubectl-edit")
    more = {"resources": {"cpu": "150m", "memory": "1536Mi"}, "ready_seconds": 20}
    edited = ClusterModel(
        routed.cluster, registry, by_route=True, image=BY_HAND, replicas=2, **more
    )
    assert edited.served().edited is None
    edited.serve(SHARED, token=2)
    assert edited.served().edited is None
    assert routed.served().edited is None
    assert [_image_of(routed, name) for name in routed.versions()] == [IMAGE, BY_HAND]


def _is_settled(model: ClusterModel) -> bool:
    found = model.cluster.get("Deployment", CANARY)
    status, counts = found["status"], ("replicas", "updatedReplicas", "availableReplicas")
    is_seen = status["observedGeneration"] == found["metadata"]["generation"]
    return is_seen and [status.get(one) for one in counts] == 3 * [found["spec"]["replicas"]]


def _image_of(model: ClusterModel, name: str) -> str:
    found = model.cluster.get("Deployment", name)
    current: str = found["spec"]["template"]["spec"]["containers"][0]["image"]
    return current
