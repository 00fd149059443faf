"""Manual edits of a rollout's objects: detection and report."""

from __future__ import annotations

from typing import Any

from slipway.adapters.platforms.cluster.manifests.entrypoint import (
    TOKEN,
    Traffic,
    entry_service,
    route,
)
from slipway.adapters.platforms.cluster.manifests.names import REPLICAS
from slipway.adapters.platforms.cluster.observe.live_state import LiveState
from slipway.adapters.platforms.cluster.ownership.config_changes import entry_digests
from slipway.adapters.platforms.cluster.ownership.manual_edits import find_manual_edits
from tests.support.managed_objects import (
    SPEC,
    applied_object,
    field_tree,
    managed_fields_entry,
    version_manifests,
)

Manifest = dict[str, Any]


def edits_of(shares: dict[int, float], *others: Manifest, **more: Any) -> list[str]:
    """Report on a model with a route, whose version 3 is unedited."""
    traffic = Traffic(7, shares, settings=entry_digests({"data": {"A": "1"}}))
    expected = route(SPEC, shares, traffic=traffic)
    deployment = applied_object(version_manifests()["Deployment"])
    found = {
        "entry": applied_object(expected),
        "deployments": {3: deployment},
        "others": others,
        **more,
    }
    config = {"kind": "ConfigMap", "metadata": {"name": "slipway-settings"}, "data": {"A": "1"}}
    read = LiveState("flight_delay", by_route=True, **{"config": config, **found})
    return [one.text for one in find_manual_edits(read, expected, token=1)]


CANARY = {3: 0.5, 2: 0.5}


def test_each_kind_of_object_is_reported() -> None:
    """Entry point, replicas, servers, and other objects of a version."""
    assert edits_of(CANARY) == []
    asked = version_manifests()["Deployment"]
    asked["metadata"]["annotations"][REPLICAS] = "3"
    scaled = applied_object(asked)
    budget = applied_object(
        version_manifests()["PodDisruptionBudget"], but={".spec.maxUnavailable"}
    )
    budget["spec"]["maxUnavailable"] = 0
    assert edits_of(CANARY, budget, deployments={3: scaled}) == [
        "version 3 has 2 replicas instead of 3, set by an unknown manager",
        "PodDisruptionBudget flight-delay-v3: .spec.maxUnavailable set by an unknown manager",
    ]


def test_settings_count_during_a_canary() -> None:
    """Between rollouts settings may change; the entry point is named without its value."""
    by = managed_fields_entry("kubectl-patch", field_tree("data.A"))
    about = {"name": "slipway-settings", "managedFields": [by]}
    config = {"kind": "ConfigMap", "metadata": about, "data": {"A": "2", "B": "secret"}}
    text = (
        "ConfigMap slipway-settings: .data.B set by an unknown manager, "
        ".data.A set by kubectl-patch"
    )
    assert edits_of(CANARY, config=config) == [text]
    assert edits_of({3: 1.0}, config=config) == []
    assert edits_of(CANARY, config={**config, "data": {}}) == [
        "ConfigMap slipway-settings: .data.A removed by kubectl-patch"
    ]


def test_only_edited_traffic_blocks_a_rollback() -> None:
    """Weights are listed; for other changes of the rules the field is; the rest is no traffic."""
    traffic = Traffic(7, CANARY)
    expected = route(SPEC, CANARY, traffic=traffic)

    def report_of(path: str, change: Any) -> tuple[str, bool]:
        found = applied_object(
            expected, managed_fields_entry("kubectl-edit", field_tree(path)), but={f".{path}"}
        )
        change(found)
        read = LiveState("flight_delay", by_route=True, entry=found)
        [one] = find_manual_edits(read, expected)
        return one.text, one.is_traffic

    def weigh(found: Manifest) -> None:
        found["spec"]["rules"][-1]["backendRefs"][0]["weight"] = 1

    def rename(found: Manifest) -> None:
        found["spec"]["rules"][-1]["filters"] = [{"type": "RequestMirror"}]

    def move(found: Manifest) -> None:
        found["spec"]["parentRefs"][0]["name"] = "other"

    def fence(found: Manifest) -> None:
        found["metadata"]["annotations"][TOKEN] = "8"

    words, is_traffic = report_of("spec.rules", weigh)
    assert words.startswith("HTTPRoute has weights {")
    assert words.endswith("set by kubectl-edit")
    assert is_traffic
    about = "HTTPRoute flight-delay:"
    assert report_of("spec.rules", rename) == (f"{about} .spec.rules set by kubectl-edit", True)
    token = f"metadata.annotations.{TOKEN}"
    assert report_of(token, fence) == (f"{about} .{token} set by kubectl-edit", True)
    assert report_of("spec.parentRefs", move) == (
        f"{about} .spec.parentRefs set by kubectl-edit",
        False,
    )


def test_an_entry_that_is_a_service_is_reported_once() -> None:
    """Although it is among the Services, too."""
    traffic = Traffic(7, {3: 1.0})
    expected = entry_service(SPEC, traffic.shares, by_route=False, traffic=traffic)
    found = applied_object(expected, but={".spec.type"})
    found["spec"]["type"] = "LoadBalancer"
    read = LiveState("flight_delay", by_route=False, entry=found, others=[found])
    assert [one.text for one in find_manual_edits(read, expected)] == [
        "Service flight-delay: .spec.type set by an unknown manager"
    ]
