"""Read an object's `metadata.managedFields`: which manager owns which field; pure.

Source: kubernetes.io, "Server-Side Apply"; equivalent to client-go's Extract functions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.adapters.platforms.cluster.api_errors import UNKNOWN_MANAGER
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import FIELD_MANAGER
from slipway.adapters.platforms.cluster.ownership.field_paths import Path, contains

Fields = Mapping[str, Any]
"""The tree of an entry's `fieldsV1`."""


def applied_fields(manifest: Manifest) -> Fields | None:
    """The fields that Slipway applied last and still owns; None if it never applied the object.

    Args:
        manifest: The object as read.
    """
    for entry in _entries(manifest):
        is_ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if is_ours and not entry.get("subresource"):
            fields: Fields = entry.get("fieldsV1") or {}
            return fields
    return None


def applied_manifest(manifest: Manifest) -> dict[str, Any] | None:
    """The manifest of the fields that Slipway still owns; None if it never applied the object.

    Args:
        manifest: The object as read.
    """
    fields = applied_fields(manifest)
    if fields is None:
        return None
    picked: dict[str, Any] = _picked(manifest, fields)
    about = {key: manifest["metadata"][key] for key in ("name", "namespace")}
    metadata = {**picked.get("metadata", {}), **about}
    kind = {key: manifest[key] for key in ("apiVersion", "kind")}
    return {**picked, **kind, "metadata": metadata}


def last_manager(manifest: Manifest, path: Path) -> str:
    """The manager besides Slipway that set a field, or a field below it, last.

    Args:
        manifest: The object as read.
        path: Of the field.
    """
    found = [
        (str(entry.get("time", "")), str(entry.get("manager")))
        for entry in _entries(manifest)
        if entry.get("manager") != FIELD_MANAGER and contains(entry.get("fieldsV1") or {}, path)
    ]
    return max(found)[1] if found else UNKNOWN_MANAGER


def _entries(manifest: Manifest) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = manifest["metadata"].get("managedFields") or []
    return found


def _picked(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of a value that is in a `fieldsV1` tree."""
    if not set(fields) - {"."}:
        return value
    if isinstance(value, list):
        # The order of the value, not of the tree: another order makes another pod template.
        picked = (_item(one, fields) for one in value)
        return [one for one in picked if one is not None]
    named = ((word.removeprefix("f:"), fields[word]) for word in fields if word != ".")
    return {name: _picked(value[name], below) for name, below in named if name in value}


def _item(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of a list's item that is in a `fieldsV1` tree; None: the item is not in it."""
    for word, below in fields.items():
        kind, _, text = word.partition(":")
        if kind == "v" and json.loads(text) == value:
            return value
        if kind == "k" and isinstance(value, Mapping):
            keys = json.loads(text)
            if keys.items() <= value.items():
                return {**keys, **_picked(value, below)}
    return None
