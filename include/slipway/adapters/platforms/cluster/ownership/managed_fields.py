"""Who set what of an object, read from its `metadata.managedFields`; pure.

Source: kubernetes.io, "Server-Side Apply"; the same as client-go's Extract functions do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.adapters.platforms.cluster.manifests.names import FIELD_MANAGER
from slipway.adapters.platforms.cluster.ownership.field_paths import Path, holds

Manifest = Mapping[str, Any]
Fields = Mapping[str, Any]
"""The tree of an entry's `fieldsV1`."""


def ours(manifest: Manifest) -> Fields | None:
    """The fields that we applied last and that are still ours; None if we never did.

    Args:
        manifest: As it was read.
    """
    for entry in _entries(manifest):
        is_ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if is_ours and not entry.get("subresource"):
            fields: Fields = entry.get("fieldsV1") or {}
            return fields
    return None


def applied(manifest: Manifest) -> dict[str, Any] | None:
    """What we applied last, as far as it is still ours; None if we never did.

    Args:
        manifest: As it was read.
    """
    fields = ours(manifest)
    if fields is None:
        return None
    picked: dict[str, Any] = _picked(manifest, fields)
    about = {key: manifest["metadata"][key] for key in ("name", "namespace")}
    metadata = {**picked.get("metadata", {}), **about}
    said = {key: manifest[key] for key in ("apiVersion", "kind")}
    return {**picked, **said, "metadata": metadata}


def set_by(manifest: Manifest, path: Path) -> str:
    """Who besides us has set a field last, or something below it; `somebody` if nobody says so.

    Args:
        manifest: As it was read.
        path: The field's.
    """
    found = [
        (str(entry.get("time", "")), str(entry.get("manager")))
        for entry in _entries(manifest)
        if entry.get("manager") != FIELD_MANAGER and holds(entry.get("fieldsV1") or {}, path)
    ]
    return max(found)[1] if found else "somebody"


def _entries(manifest: Manifest) -> Sequence[Mapping[str, Any]]:
    found: Sequence[Mapping[str, Any]] = manifest["metadata"].get("managedFields") or []
    return found


def _picked(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of a value that some fields name."""
    if not set(fields) - {"."}:
        return value
    if isinstance(value, list):
        # In the order that it has: the API sorts its words, and another order is another template.
        picked = (_item(one, fields) for one in value)
        return [one for one in picked if one is not None]
    named = ((word.removeprefix("f:"), fields[word]) for word in fields if word != ".")
    return {name: _picked(value[name], below) for name, below in named if name in value}


def _item(value: Any, fields: Mapping[str, Any]) -> Any:
    """The part of a list's item that some fields name; None: they do not name the item."""
    for word, below in fields.items():
        kind, _, said = word.partition(":")
        if kind == "v" and json.loads(said) == value:
            return value
        if kind == "k" and isinstance(value, Mapping):
            keys = json.loads(said)
            if keys.items() <= value.items():
                return {**keys, **_picked(value, below)}
    return None
