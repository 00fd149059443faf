"""A repeated apply: the fields that it leaves out, and the order that it keeps."""

from __future__ import annotations

from slipway.adapters.platforms.cluster.manifests.last_applied import (
    LAST_APPLIED,
    read_last_applied,
)
from slipway.adapters.platforms.cluster.ownership.apply_excluding import exclude_edits, last_applied
from slipway.adapters.platforms.cluster.ownership.field_diff import (
    FieldChange,
    changed_fields,
    format_changes,
)
from slipway.adapters.platforms.cluster.ownership.field_paths import (
    format_path,
    leaves,
    value_at,
    without,
)
from tests.support.applied_fields import SERVER
from tests.support.managed_objects import (
    applied_object,
    container,
    version_manifests,
)


def test_a_manifest_can_leave_fields_out() -> None:
    """A map without other fields is left out too; a map that was applied empty stays."""
    there = version_manifests()["Deployment"]
    paths = [path for path, _ in leaves(there) if f"{SERVER}.resources" in format_path(path)]
    mount = ("f:spec", "f:template", "f:spec", "f:volumes", 'k:{"name":"tmp"}')
    left = without(there, {*paths, mount})
    assert "resources" not in container(left)
    assert "resources" in container(left, "download")
    volumes = left["spec"]["template"]["spec"]["volumes"]
    assert volumes == [{"name": name, "emptyDir": {}} for name in ("model", "scratch")]
    assert value_at(there, mount) == {"name": "tmp", "emptyDir": {}}
    assert without(there, set()) == there


def test_a_repeated_apply_leaves_out_edited_fields() -> None:
    """Whether they were changed, removed or normalised."""
    there = version_manifests()["Deployment"]
    found = applied_object(there, but={f"{SERVER}.image", f"{SERVER}.env", f"{SERVER}.resources"})
    server = container(found)
    server |= {"image": "server:by-hand"}
    server["resources"]["requests"]["cpu"] = "0.1"
    del server["env"]
    again = container(exclude_edits(there, found))
    assert "image" not in again
    assert "env" not in again
    assert "cpu" not in again["resources"].get("requests", {})
    assert again["resources"]["limits"] == container(there)["resources"]["limits"]
    assert container(exclude_edits(there, found), "download") == container(there, "download")
    assert "ports" in again
    image = next(one.path for one in changed_fields(found) if one.path[-1] == "f:image")
    assert (
        container(exclude_edits(there, found, keep={image}))["image"] == container(there)["image"]
    )


def test_without_an_own_note_only_owned_fields_are_applied_again() -> None:
    """Another manager wrote the note, so earlier values are unknown."""
    there = version_manifests()["PodDisruptionBudget"]
    found = applied_object(
        there, but={f".metadata.annotations.{LAST_APPLIED}", ".spec.maxUnavailable"}
    )
    found["metadata"]["annotations"][LAST_APPLIED] = "{}"
    again = exclude_edits(there, found)
    assert set(again["spec"]) == {"selector", "unhealthyPodEvictionPolicy"}
    assert "annotations" not in again["metadata"]
    assert again["metadata"]["name"] == there["metadata"]["name"]


def test_a_repeated_apply_keeps_the_order_of_lists() -> None:
    """Another order would be another template, and restart servers."""
    there = version_manifests()["Deployment"]
    found = applied_object(there)
    mounts = container(found)["volumeMounts"]
    mounts.reverse()
    mounts.insert(1, {"name": "mesh", "mountPath": "/mesh"})
    ours = last_applied(found)
    assert ours is not None
    assert container(ours)["volumeMounts"] == [one for one in mounts if one["name"] != "mesh"]
    mounts.pop()
    ours = last_applied(found)
    assert ours is not None
    names = [one["name"] for one in container(ours)["volumeMounts"]]
    assert names == ["tmp", "scratch", "model"]
    assert container(ours)["args"] == container(there)["args"]


def test_every_removed_field_is_found() -> None:
    """For each field; while it is owned or unchanged, it is not lost."""
    for there in version_manifests().values():
        applied = read_last_applied(applied_object(there))
        assert applied is not None
        paths = [path for path, _ in leaves({"metadata": {"labels": {}}, "spec": applied["spec"]})]
        # Of these the API leaves out the value that was applied.
        paths = [path for path in paths if path[-1] not in {"f:paused", "f:nodeSelector"}]
        for path in (path for path in paths if path[0] == "f:spec"):
            found = applied_object(there, but={format_path(path)})
            assert changed_fields(found) == ()
            [one] = changed_fields({**found, "spec": without(found, {path})["spec"]})
            assert path[: len(one.path)] == one.path
            assert one.is_removed


def test_very_many_fields_are_counted() -> None:
    """The error counts them instead of listing all."""
    fields = [FieldChange(("f:spec", f"f:a{number}"), "kubectl") for number in range(10)]
    text = format_changes({"kind": "Service", "metadata": {"name": "m"}}, fields)
    assert text.endswith(".spec.a7 set by kubectl, and 2 more")
