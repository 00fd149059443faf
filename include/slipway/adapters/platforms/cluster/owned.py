"""Who set what of an object, read from its `metadata.managedFields`; pure.

Source: kubernetes.io, "Server-Side Apply"; the same as client-go's Extract functions do.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.adapters.platforms.cluster.naming import FIELD_MANAGER

Manifest = Mapping[str, Any]


def applied(manifest: Manifest) -> dict[str, Any] | None:
    """What we applied last, as far as it is still ours; None if we never did.

    Args:
        manifest: As it was read.
    """
    for entry in manifest["metadata"].get("managedFields") or []:
        is_ours = entry.get("manager") == FIELD_MANAGER and entry.get("operation") == "Apply"
        if is_ours and not entry.get("subresource"):
            fields = entry.get("fieldsV1") or {}
            picked: dict[str, Any] = _picked(manifest, fields)
            about = {key: manifest["metadata"][key] for key in ("name", "namespace")}
            metadata = {**picked.get("metadata", {}), **about}
            said = {key: manifest[key] for key in ("apiVersion", "kind")}
            return {**picked, **said, "metadata": metadata}
    return None


def set_by(manifest: Manifest, path: Sequence[str]) -> str:
    """Who besides us has set a field, the last one first named; `somebody` where nobody says so.

    Args:
        manifest: As it was read.
        path: Names of the fields that lead to it.
    """
    found = [
        (str(entry.get("time", "")), str(entry.get("manager")))
        for entry in manifest["metadata"].get("managedFields") or []
        if entry.get("manager") != FIELD_MANAGER and _has(entry.get("fieldsV1") or {}, path)
    ]
    return max(found)[1] if found else "somebody"


def _has(fields: Mapping[str, Any], path: Sequence[str]) -> bool:
    for name in path:
        if f"f:{name}" not in fields:
            return False
        fields = fields[f"f:{name}"]
    return True


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
