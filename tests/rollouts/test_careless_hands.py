"""Changes by hand that hide: of labels, of notes, of empty fields, and while servers start."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import contextmanager
from typing import Any

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry
from slipway.adapters.platforms.cluster.manifests.entrypoint import Traffic
from slipway.adapters.platforms.cluster.manifests.render import render_manifests
from slipway.adapters.platforms.cluster.observe.conditions import route_problem
from slipway.errors import EditedByHand, PlatformUnavailable
from tests.kubernetes_double import Cluster
from tests.rollouts.cluster_model import SHARED, ClusterModel, wait_until_settled
from tests.support.models_on_cluster import MODEL, NAME, UNREADY

Manifest = dict[str, Any]

BY_HAND = "server:by-hand"
CANARY, CHAMPION = f"{NAME}-v2", f"{NAME}-v1"
LOOKS = 2
"""One that was on its way at the edit, and the one after the pause that followed."""


def labels(**changed: str | None) -> Manifest:
    """An edit like `kubectl label`, with None for a removal."""
    names = {"model": "slipway/model", "version": "slipway/version"}
    names |= {"managed": "app.kubernetes.io/managed-by", "app": "app.kubernetes.io/name"}
    return {"metadata": {"labels": {names[key]: value for key, value in changed.items()}}}


def hand_back(model: ClusterModel, shares: dict[int, float]) -> None:
    """Apply what `slipway render` prints, as the guide has it."""
    for manifest in render_manifests(model.spec, Traffic(9, shares), {}):
        model.cluster.apply(manifest, manager="slipway", force=True)


def is_in_force(model: ClusterModel) -> bool:
    """Whether the Gateway has taken over the route as it is."""
    return route_problem(model.cluster.get("HTTPRoute", NAME), {"name": "gateway"}) is None


def test_hosts_of_a_route_without_hosts_are_an_edit(routed: ClusterModel) -> None:
    """Seen, named, kept, and taken back by the way that the guide has."""
    routed.serve({1: 1.0})
    assert routed.cluster.get("HTTPRoute", NAME)["spec"]["hostnames"] == []
    hosts = {"spec": {"hostnames": ["a.example"]}}
    routed.cluster.patch("HTTPRoute", NAME, hosts, "kubectl-patch")
    report = f"HTTPRoute {NAME}: .spec.hostnames set by kubectl-patch"
    assert routed.served().edited == report
    with pytest.raises(EditedByHand, match="edited by hand"):
        routed.serve(SHARED, token=2)
    assert routed.cluster.get("HTTPRoute", NAME)["spec"]["hostnames"] == ["a.example"]
    hand_back(routed, {1: 1.0})
    assert routed.served().edited is None
    assert routed.cluster.get("HTTPRoute", NAME)["spec"]["hostnames"] == []
    routed.cluster.wait("the route without hosts is in force", lambda: is_in_force(routed))
    with routed.clients() as clients:
        routed.serve(SHARED, token=10)
        clients.after(10)
    assert not clients.failures
    routed.cluster.patch("HTTPRoute", NAME, hosts, "kubectl-patch")
    routed.cluster.patch("HTTPRoute", NAME, {"spec": {"hostnames": None}}, "kubectl-patch")
    assert routed.served().edited is None


@pytest.mark.parametrize(
    ("kind", "name", "change", "field"),
    [
        ("Deployment", CHAMPION, {"spec": {"paused": True}}, ".spec.paused"),
        (
            *("Deployment", CHAMPION),
            {"spec": {"template": {"spec": {"nodeSelector": {"zone": "a"}}}}},
            ".spec.template.spec.nodeSelector",
        ),
        ("Service", NAME, {"spec": {"sessionAffinity": "ClientIP"}}, ".spec.sessionAffinity"),
    ],
    ids=["paused", "nodes", "affinity"],
)
def test_other_fields_that_are_empty_on_purpose_are_edits(
    routed: ClusterModel, kind: str, name: str, change: Manifest, field: str
) -> None:
    """Named, and taken back in the same way."""
    routed.serve({1: 1.0})
    routed.cluster.patch(kind, name, change, "kubectl-patch")
    assert routed.served().edited == f"{kind} {name}: {field} set by kubectl-patch"
    hand_back(routed, {1: 1.0})
    assert routed.served().edited is None
    wait_until_settled(routed.cluster)


EDIT = "version 1 has 3 replicas instead of 1, set by kubectl-scale"


@contextmanager
def edited_after(cluster: Cluster, is_time: Callable[[], bool], edit: Callable[[], None]) -> Any:
    """Edit in a thread once it is time; the number of requests before the edit."""
    at: list[int] = []

    def act() -> None:
        cluster.wait("the time of the edit", is_time)
        at.append(len(cluster.requests))
        edit()

    thread = threading.Thread(target=act)
    thread.start()
    try:
        yield at
    finally:
        thread.join()


def looks_since(cluster: Cluster, requests: int) -> int:
    """How often the Deployments were read after a number of requests."""
    return sum(
        one.method == "GET" and one.path.endswith("/deployments")
        for one in cluster.requests[requests:]
    )


def test_an_edit_while_servers_are_placed_is_seen_at_the_next_look(model: ClusterModel) -> None:
    """The step stops at once, the edit and the champion's share stay."""
    model.serve({1: 1.0})
    place = {UNREADY: 0.1, 1: 0.9}

    def scale() -> None:
        model.cluster.patch("Deployment", CHAMPION, {"spec": {"replicas": 3}}, "kubectl-scale")

    def is_placing() -> bool:
        return model.cluster.find("Deployment", f"{NAME}-v{UNREADY}") is not None

    with (
        edited_after(model.cluster, is_placing, scale) as at,
        pytest.raises(EditedByHand, match="edited by hand") as caught,
    ):
        model.serve(place, token=2)
    assert looks_since(model.cluster, at[0]) <= LOOKS
    assert EDIT in str(caught.value)
    assert model.cluster.get("Deployment", CHAMPION)["spec"]["replicas"] == 3
    assert model.served().edited == EDIT
    model.serve({1: 1.0}, token=2, is_urgent=True)
    assert model.served().version == 1


def test_an_edit_while_the_route_is_awaited_is_seen_at_the_next_look(routed: ClusterModel) -> None:
    """Also in the wait for the gateway."""
    routed.serve({1: 1.0})
    routed.cluster.delete("Gateway", "gateway", namespace="infra")

    def move() -> None:
        change = labels(version="7")
        routed.cluster.patch("Service", f"{CHAMPION}-pods", change, "kubectl-label")

    def is_written() -> bool:
        return routed.served().token == 2 and len(routed.served().weights) == 2

    with (
        edited_after(routed.cluster, is_written, move) as at,
        pytest.raises(EditedByHand, match="kubectl-label"),
    ):
        routed.serve(SHARED, token=2)
    assert looks_since(routed.cluster, at[0]) <= LOOKS


def test_an_edit_during_a_way_back_stops_no_wait(routed: ClusterModel) -> None:
    """The champion is restored while somebody edits."""
    routed.serve({1: 1.0})
    routed.serve(SHARED, token=2)
    routed.cluster.patch("Deployment", CHAMPION, {"spec": {"replicas": 2}}, "kubectl-scale")
    routed.serve({1: 1.0}, token=2)
    assert routed.served().version == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (labels(model="other"), ".metadata.labels.slipway/model set by kubectl-label"),
        (
            labels(managed=None),
            ".metadata.labels.app.kubernetes.io/managed-by removed by an unknown manager",
        ),
        (labels(version="7"), ".metadata.labels.slipway/version set by kubectl-label"),
        (
            labels(model=None, managed=None, app=None, version=None),
            ".metadata.labels.slipway/version removed by kubectl-label",
        ),
    ],
    ids=["model", "managed-by", "version", "all"],
)
def test_an_object_whose_labels_were_changed_is_found_by_its_name(
    routed: ClusterModel, change: Manifest, words: str
) -> None:
    """The champion answers, and is said to; the edit is named, and no rollout begins."""
    routed.serve({1: 1.0})
    for kind in ("Deployment", "Service", "PodDisruptionBudget"):
        before = routed.cluster.get(kind, CHAMPION)["metadata"]["labels"]
        routed.cluster.patch(kind, CHAMPION, change, "kubectl-label")
        served = routed.served()
        assert served.version == 1
        assert served.unserved == ()
        assert str(served.edited).startswith(f"{kind} {CHAMPION}: ")
        if kind == "Deployment":
            assert str(served.edited).endswith(words)
        writes = routed.writes()
        with pytest.raises(EditedByHand):
            routed.serve(SHARED, token=2)
        assert routed.writes() == writes
        routed.cluster.patch(kind, CHAMPION, {"metadata": {"labels": before}}, "kubectl-label")
        assert routed.served().edited is None
    routed.serve(SHARED, token=2)
    assert routed.versions() == [CHAMPION, CANARY]


def test_a_canary_whose_label_was_changed_is_taken_back(model: ClusterModel) -> None:
    """It loses its share, stays because it was edited, and is reported until it is undone."""
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    model.cluster.patch("Deployment", CANARY, labels(model="other"), "kubectl-label")
    model.serve({1: 1.0}, token=2)
    assert model.served().weights == {1: 1.0}
    assert model.served().unserved == (2,)
    assert CANARY in str(model.served().edited)
    assert model.versions() == [CHAMPION, CANARY]
    model.cluster.patch("Deployment", CANARY, labels(model=MODEL), "kubectl-label")
    assert model.platform.remove_unserved(MODEL, token=2) == (2,)
    assert model.versions() == [CHAMPION]


def test_a_note_that_was_removed_is_an_edit(model: ClusterModel) -> None:
    """So a later edit does not hide behind it, and no rollback deletes the object."""
    model.cluster.images.add(BY_HAND)
    model.serve({1: 1.0})
    model.serve(SHARED, token=2)
    gone = {"metadata": {"annotations": {"slipway/applied": None}}}
    model.cluster.patch("Deployment", CANARY, gone, "kubectl-annotate")
    report = f"Deployment {CANARY}: .metadata.annotations.slipway/applied removed by "
    assert str(model.served().edited).startswith(report)
    image = {"containers": [{"name": "server", "image": BY_HAND}]}
    change = {"spec": {"template": {"spec": image}}}
    model.cluster.patch("Deployment", CANARY, change, "kubectl-set")
    assert str(model.served().edited).startswith(report)
    with pytest.raises(EditedByHand):
        model.serve({2: 0.5, 1: 0.5}, token=2)
    model.serve({1: 1.0}, token=2)
    assert model.served().weights == {1: 1.0}
    assert model.versions() == [CHAMPION, CANARY]
    found = model.cluster.get("Deployment", CANARY)["spec"]["template"]["spec"]
    assert found["containers"][0]["image"] == BY_HAND
    assert "slipway/applied" not in model.cluster.get("Deployment", CANARY)["metadata"].get(
        "annotations", {}
    )
    model.cluster.delete("Deployment", CANARY)
    model.serve(SHARED, token=3)
    assert model.served().edited is None


def test_a_removed_number_of_servers_is_an_edit(routed: ClusterModel) -> None:
    """Otherwise a change of the number would not be found."""
    routed.serve({1: 1.0})
    gone = {"metadata": {"annotations": {"slipway/replicas": None}}}
    routed.cluster.patch("Deployment", CHAMPION, gone, "kubectl-annotate")
    routed.cluster.patch("Deployment", CHAMPION, {"spec": {"replicas": 2}}, "kubectl-scale")
    report = f"Deployment {CHAMPION}: .metadata.annotations.slipway/replicas removed by "
    assert str(routed.served().edited).startswith(report)


def test_a_version_that_nobody_serves_is_taken_away(
    model: ClusterModel, registry: MlflowRegistry
) -> None:
    """A rollout that stopped while it placed servers has left it; what serves stays."""
    model.serve({1: 1.0})
    model.serve({3: 1.0}, 1, token=2)
    tight = ClusterModel(model.cluster, registry, by_route=model.by_route, ready_seconds=10)
    with pytest.raises(PlatformUnavailable):
        tight.serve({UNREADY: 0.1, 3: 0.9}, 1, token=3)
    assert model.served().unserved == (UNREADY,)
    left = f"{NAME}-v{UNREADY}"
    assert left in model.versions()
    assert model.platform.remove_unserved(MODEL, token=3) == (UNREADY,)
    assert left not in model.versions()
    for kind in ("Service", "PodDisruptionBudget"):
        assert model.cluster.find(kind, left) is None
    assert model.served().unserved == ()
    assert model.served().version == 3
    assert model.platform.remove_unserved(MODEL, token=3) == ()
