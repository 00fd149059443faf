"""Fields that Slipway applied and other managers changed, found in `managedFields`."""

from __future__ import annotations

import json
from typing import Any

import pytest

from slipway.adapters.platforms.cluster.manifests.last_applied import (
    LAST_APPLIED,
    read_last_applied,
)
from slipway.adapters.platforms.cluster.ownership.apply_excluding import exclude_edits, last_applied
from slipway.adapters.platforms.cluster.ownership.field_diff import (
    FieldChange,
    annotation_path,
    changed_fields,
    conflicts,
    format_changes,
)
from slipway.adapters.platforms.cluster.ownership.field_paths import (
    format_path,
    value_at,
)
from tests.support.applied_fields import SERVER
from tests.support.managed_objects import (
    applied_object,
    container,
    field_tree,
    fields_of,
    managed_fields_entry,
    version_manifests,
)

Manifest = dict[str, Any]


IMAGE = field_tree("spec.template.spec.containers", 'k:{"name":"server"}', "f:image")


def test_what_was_applied_can_be_read_back() -> None:
    """Its labels and spec, but not the number of replicas; no field is lost."""
    for obj in version_manifests().values():
        applied = read_last_applied(applied_object(obj))
        assert applied is not None
        spec = {name: value for name, value in obj["spec"].items() if name != "replicas"}
        assert applied["spec"] == spec
        assert applied["metadata"]["labels"] == obj["metadata"]["labels"]
        assert changed_fields(applied_object(obj)) == ()
        assert last_applied(applied_object(obj)) == applied


def test_an_image_that_was_set_by_hand_is_lost() -> None:
    """The report has field and manager, in the API's notation."""
    there = version_manifests()["Deployment"]
    found = applied_object(
        there, managed_fields_entry("kubectl-set", IMAGE), but={f"{SERVER}.image"}
    )
    assert changed_fields(found) == ()
    container(found)["image"] = "server:by-hand"
    [one] = changed_fields(found)
    assert (format_path(one.path), one.manager, one.is_removed) == (
        f"{SERVER}.image",
        "kubectl-set",
        False,
    )
    assert (
        format_changes(found, [one])
        == f"Deployment flight-delay-v3: {SERVER}.image set by kubectl-set"
    )


def test_an_unchanged_value_is_not_lost() -> None:
    """A webhook or the API normalised it during Slipway's own apply."""
    found = applied_object(version_manifests()["Deployment"])
    container(found)["image"] = "mirror.example.org/server:1"
    assert changed_fields(found) == ()


def test_quantities_are_compared_by_amount() -> None:
    """A quantity that was reset by hand is normalised; to apply it again is a conflict."""
    there = version_manifests()["Deployment"]
    found = applied_object(there, but={f"{SERVER}.resources"})
    asked = container(found)["resources"]
    memory = asked["limits"]["memory"]
    asked["limits"]["memory"] = f"{int(memory.removesuffix('Gi')) * 1024}Mi"
    assert changed_fields(found) == ()
    assert [format_path(one.path) for one in conflicts(found)] == [
        f"{SERVER}.resources.limits.memory"
    ]
    for other in ("1Mi", "plenty", "1e3", 7):
        asked["limits"]["memory"] = other
        assert [format_path(one.path) for one in changed_fields(found)] == [
            f"{SERVER}.resources.limits.memory"
        ]


def test_a_removed_field_is_reported_once() -> None:
    """With all that it held; the manager is the last one that set a field beside it."""
    there = version_manifests()["Service"]
    edited = applied_object(there, but={".spec.ports"})
    edited["spec"]["ports"] = [{"name": "http", "port": 81, "targetPort": "http"}]
    gone = '.spec.ports[port=8080,protocol="TCP"]'
    assert [format_path(one.path) for one in changed_fields(edited)] == [gone]
    assert format_changes(edited, changed_fields(edited)).endswith(
        f": {gone} removed by an unknown manager"
    )
    port = field_tree("spec.ports", 'k:{"port":81,"protocol":"TCP"}', ".")
    edited["metadata"]["managedFields"].append(managed_fields_entry("kubectl-edit", port))
    assert format_changes(edited, changed_fields(edited)).endswith(
        f": {gone} removed by kubectl-edit"
    )


def test_an_atomic_field_is_one_field() -> None:
    """A selector with one more label has changed; a map with one more has not."""
    there = version_manifests()["PodDisruptionBudget"]
    found = applied_object(
        there,
        managed_fields_entry("kubectl-edit", field_tree("spec.selector")),
        but={".spec.selector"},
    )
    found["spec"]["selector"]["matchLabels"]["more"] = "x"
    found["metadata"]["labels"]["more"] = "x"
    assert [format_path(one.path) for one in changed_fields(found)] == [".spec.selector"]


@pytest.mark.parametrize(
    ("manager", "fields", "more"),
    [
        (
            "kubectl-rollout",
            field_tree("spec.template.metadata.annotations", "f:kubectl.kubernetes.io/restartedAt"),
            {},
        ),
        (
            "kube-controller-manager",
            field_tree("metadata.annotations", "f:deployment.kubernetes.io/revision"),
            {"subresource": "status"},
        ),
        ("horizontal-pod-autoscaler", field_tree("spec.replicas"), {"subresource": "scale"}),
        ("mesh", field_tree("spec.template.metadata.labels", "f:mesh.example.org/rev"), {}),
        ("mesh", field_tree("spec.template.spec.containers", 'k:{"name":"proxy"}', "f:image"), {}),
    ],
    ids=["restart", "revision", "scale", "label", "sidecar"],
)
def test_fields_that_slipway_never_applied_are_ignored(
    manager: str, fields: Manifest, more: dict[str, str]
) -> None:
    """Restarts, revisions, additions of webhooks; replicas are compared separately."""
    found = applied_object(
        version_manifests()["Deployment"],
        managed_fields_entry(manager, fields, **more),
        but={".spec.replicas"},
    )
    template = found["spec"]["template"]
    template["metadata"]["annotations"]["kubectl.kubernetes.io/restartedAt"] = "2026"
    template["metadata"]["labels"]["mesh.example.org/rev"] = "1"
    template["spec"]["containers"].insert(0, {"name": "proxy", "image": "proxy:1"})
    found["spec"]["replicas"] = 7
    assert changed_fields(found) == ()


def test_a_last_applied_note_of_another_manager_is_ignored() -> None:
    """It counts as changed, and owned fields stay; an own note that says nothing is no change."""
    there = version_manifests()["Deployment"]
    note = f"f:{LAST_APPLIED}"
    taken = managed_fields_entry("kubectl-edit", field_tree("metadata.annotations", note))
    found = applied_object(there, taken, but={f".metadata.annotations.{LAST_APPLIED}"})
    note = json.loads(found["metadata"]["annotations"][LAST_APPLIED])
    note["spec"]["template"]["spec"]["containers"][0]["image"] = "server:evil"
    found["metadata"]["annotations"][LAST_APPLIED] = json.dumps(note)
    assert changed_fields(found) == (FieldChange(annotation_path(LAST_APPLIED), "kubectl-edit"),)
    mine = last_applied(found)
    assert mine is not None
    assert container(mine)["image"] == container(there)["image"]
    for nonsense in ("", "{}", '{"metadata": 3}'):
        found["metadata"]["annotations"] |= {LAST_APPLIED: nonsense}
        found["metadata"]["managedFields"][0]["fieldsV1"] = fields_of(found)
        assert changed_fields(found) == ()


def test_a_note_that_was_removed_is_a_change() -> None:
    """Otherwise no later edit of the object would be found; without Slipway there is no note."""
    for there in version_manifests().values():
        by = managed_fields_entry("kubectl-annotate", field_tree("metadata.annotations"))
        found = applied_object(there, by, but={".metadata.annotations"})
        names = list(found["metadata"].pop("annotations"))
        paths = {annotation_path(name) for name in names}
        assert {one.path for one in changed_fields(found)} == paths
        assert {(one.manager, one.is_removed) for one in changed_fields(found)} == {
            ("kubectl-annotate", True)
        }
        again = exclude_edits(there, found)
        assert set(again["metadata"].get("annotations", {})).isdisjoint(names)
        found["metadata"]["managedFields"] = [by]
        assert changed_fields(found) == ()


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("f:spec", "f:paused"), True),
        (("f:spec", "f:template", "f:spec", "f:nodeSelector"), {"zone": "a"}),
    ],
    ids=["paused", "nodes"],
)
def test_a_field_that_is_empty_on_purpose_is_found(path: tuple[str, ...], value: Any) -> None:
    """The API may leave out the empty value, and who undoes an edit may remove the field."""
    found = applied_object(version_manifests()["Deployment"], but={format_path(path)})
    *parents, last = [word.removeprefix("f:") for word in path]
    inside = value_at(found, tuple(f"f:{word}" for word in parents))
    assert not inside[last]
    inside[last] = value
    assert [format_path(one.path) for one in changed_fields(found)] == [format_path(path)]
    del inside[last]
    assert changed_fields(found) == ()


def test_settings_that_were_added_to_own_containers_are_found() -> None:
    """A variable of Slipway's and an amount; not those of agents, nor in a sidecar of others."""
    by = managed_fields_entry("kubectl-set", field_tree("spec.template.spec.containers"))
    found = applied_object(version_manifests()["Deployment"], by)
    server = container(found)
    agent = {"name": "SLIPWAY_AGENT", "value": "1"}
    found["spec"]["template"]["spec"]["containers"].append({"name": "agent", "env": [agent]})
    server["env"].append({"name": "OTEL_SERVICE_NAME", "value": "delay"})
    assert changed_fields(found) == ()
    server["env"].append({"name": "SLIPWAY_ENGINE", "value": "pipeline"})
    server["resources"]["limits"]["cpu"] = "1"
    assert format_changes(found, changed_fields(found)) == (
        f'Deployment flight-delay-v3: {SERVER}.env[name="SLIPWAY_ENGINE"], '
        f"{SERVER}.resources.limits.cpu set by kubectl-set"
    )
