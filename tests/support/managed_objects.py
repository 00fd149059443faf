"""Objects of a version as the API returns them, with their managed fields."""

from __future__ import annotations

import copy
from collections.abc import Collection
from typing import Any

from slipway.adapters.platforms.cluster.manifests.resources import sizing
from slipway.adapters.platforms.cluster.manifests.version import cluster_of, version_objects
from slipway.adapters.platforms.cluster.ownership.field_paths import format_path, leaves
from tests.support.manifests import CLUSTERS, spec_of

Manifest = dict[str, Any]

SPEC = spec_of(CLUSTERS["gateway"])


def fields_of(manifest: Manifest, *, but: Collection[str] = ()) -> Manifest:
    """`fieldsV1` of a manager that applied a manifest, without some fields."""
    made: Manifest = {}
    for path, _ in leaves({"metadata": manifest["metadata"], "spec": manifest["spec"]}):
        about = path[:2] in {("f:metadata", "f:name"), ("f:metadata", "f:namespace")}
        if about or any(format_path(path).startswith(one) for one in but):
            continue
        node = made
        for word in path:
            node = node.setdefault(word, {})
            if word.startswith("k:"):
                node["."] = {}
    return made


def managed_fields_entry(manager: str, fields: Manifest, **more: str) -> Manifest:
    """An entry of `managedFields`."""
    entry = {"manager": manager, "operation": "Update", "apiVersion": "apps/v1", **more}
    return {**entry, "time": "2026-01-02T03:04:05Z", "fieldsType": "FieldsV1", "fieldsV1": fields}


def applied_object(manifest: Manifest, *others: Manifest, but: Collection[str] = ()) -> Manifest:
    """An object as the API returns it after an apply, without ownership of some fields."""
    made = copy.deepcopy(manifest)
    ours = managed_fields_entry("slipway", fields_of(made, but=but), operation="Apply")
    made["metadata"]["managedFields"] = [ours, *others]
    return made


def version_manifests() -> dict[str, Manifest]:
    """Manifests of version 3 by kind; of both Services only the headless one."""
    size = sizing(cluster_of(SPEC), {})
    made = version_objects(SPEC, 3, replicas=2, sizing=size)
    return {one["kind"]: one for one in made}


def container(obj: Manifest, name: str = "server") -> Manifest:
    """A container of a Deployment."""
    pod = obj["spec"]["template"]["spec"]
    return next(one for one in [*pod["initContainers"], *pod["containers"]] if one["name"] == name)


def field_tree(path: str, *rest: str) -> Manifest:
    """`fieldsV1` with one field: its words separated by dots, then more words."""
    words = [*(f"f:{word}" for word in path.split(".") if word), *rest]
    made: Manifest = {}
    for word in reversed(words):
        made = {word: made}
    return made
