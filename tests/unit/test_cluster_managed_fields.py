"""Field managers in an object's `managedFields`."""

from __future__ import annotations

from slipway.adapters.platforms.cluster.ownership.managed_fields import (
    applied_manifest,
    last_manager,
)


def test_applied_fields_are_separated_from_others() -> None:
    """Fields, items of a list by key and of a set; not defaults and fields of others."""
    fields = {
        "f:metadata": {"f:labels": {"f:a": {}}},
        "f:spec": {
            "f:selector": {},
            "f:template": {
                "f:containers": {'k:{"name":"server"}': {".": {}, "f:name": {}, "f:image": {}}},
                "f:volumes": {'k:{"name":"tmp"}': {".": {}, "f:name": {}, "f:emptyDir": {}}},
                "f:finalizers": {'v:"ours"': {}},
            },
        },
    }
    ours = {"manager": "slipway", "operation": "Apply", "fieldsV1": fields}
    other = {
        "manager": "kubectl-scale",
        "operation": "Update",
        "time": "2026-01-01T00:00:00Z",
        "fieldsV1": {"f:spec": {"f:replicas": {}}},
    }
    server = {"name": "server", "image": "s:1", "terminationMessagePath": "/dev/termination-log"}
    found = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {
            "name": "m-v3",
            "namespace": "slipway",
            "uid": "u",
            "labels": {"a": "1", "b": "2"},
            "managedFields": [ours, other],
        },
        "spec": {
            "replicas": 5,
            "selector": {"matchLabels": {"a": "1"}},
            "template": {
                "containers": [{"name": "by-hand"}, server],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
                "finalizers": ["theirs", "ours"],
            },
        },
    }
    assert applied_manifest(found) == {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "m-v3", "namespace": "slipway", "labels": {"a": "1"}},
        "spec": {
            "selector": {"matchLabels": {"a": "1"}},
            "template": {
                "containers": [{"name": "server", "image": "s:1"}],
                "volumes": [{"name": "tmp", "emptyDir": {}}],
                "finalizers": ["ours"],
            },
        },
    }
    assert last_manager(found, ("f:spec", "f:replicas")) == "kubectl-scale"
    assert last_manager(found, ("f:spec", "f:paused")) == "an unknown manager"
    assert applied_manifest({"metadata": {"managedFields": [other]}}) is None


def test_applied_fields_keep_their_order() -> None:
    """The API sorts `fieldsV1`; another order of mounts would restart servers."""
    mounts = [{"name": name, "mountPath": f"/{name}"} for name in ("model", "scratch", "a")]
    paths = ("/a", "/model", "/scratch")
    words = {f'k:{{"mountPath":"{path}"}}': {".": {}, "f:name": {}} for path in paths}
    ours = {"manager": "slipway", "operation": "Apply", "fieldsV1": {"f:volumeMounts": words}}
    metadata = {"name": "m-v3", "namespace": "slipway", "managedFields": [ours]}
    found = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "volumeMounts": mounts}
    assert (applied_manifest(found) or {})["volumeMounts"] == mounts
