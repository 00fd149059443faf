"""Fields of an object as paths, the notation of field ownership.

A path is a tuple of `fieldsV1` words: `f:replicas` for a field, `k:{"name":"server"}` for an
item of a list that is merged by key, `v:"x"` for an item of a set. An atomic field is one
leaf with all its content.

Source: kubernetes.io "Server-Side Apply", `x-kubernetes-list-map-keys` and `x-kubernetes-map-type`
of the published OpenAPI schema.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

Path = tuple[str, ...]

# Lists that are merged by key: field name to key fields, with the defaults of those left out.
_KEYS: dict[str, dict[str, Any]] = {
    "containers": {"name": None},
    "initContainers": {"name": None},
    "ephemeralContainers": {"name": None},
    "env": {"name": None},
    "volumes": {"name": None},
    "imagePullSecrets": {"name": None},
    "volumeMounts": {"mountPath": None},
    "volumeDevices": {"devicePath": None},
    "conditions": {"type": None},
    "hostAliases": {"ip": None},
    "ownerReferences": {"uid": None},
    "podIPs": {"ip": None},
    "hostIPs": {"ip": None},
    "topologySpreadConstraints": {"topologyKey": None, "whenUnsatisfiable": None},
}
_CONTAINER_PORTS = {"containerPort": None, "protocol": "TCP"}
_SERVICE_PORTS = {"port": None, "protocol": "TCP"}
_SETS = {"finalizers"}
_ATOMIC_MAPS = {
    "selector",
    "labelSelector",
    "namespaceSelector",
    "podSelector",
    "nodeSelector",
    "secretKeyRef",
    "configMapKeyRef",
    "fieldRef",
    "resourceFieldRef",
}


def list_keys(name: str, items: Any) -> dict[str, Any] | None:
    """Key fields of a list by its name, with their defaults; None: it is atomic."""
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        return None
    if name == "ports":
        held = {key for item in items for key in item}
        return _CONTAINER_PORTS if "containerPort" in held else _SERVICE_PORTS
    keys = _KEYS.get(name)
    if keys and all(set(keys) <= set(item) for item in items):
        return keys
    return None


def item_word(keys: Mapping[str, Any], item: Mapping[str, Any]) -> str:
    """The path word of an item of a keyed list."""
    values = {key: item.get(key, default) for key, default in keys.items()}
    return "k:" + json.dumps(values, sort_keys=True, separators=(",", ":"))


def is_leaf(name: str, value: Any) -> bool:
    """Whether a field is owned as a whole."""
    if isinstance(value, dict):
        return not value or name in _ATOMIC_MAPS
    if isinstance(value, list) and value and name in _SETS:
        return False
    return not value or list_keys(name, value) is None


def children(name: str, value: Any) -> Iterator[tuple[str, str, Any]]:
    """Word, name and value of each field or item of a composite field."""
    if isinstance(value, dict):
        for key, below in value.items():
            yield f"f:{key}", key, below
    elif name in _SETS:
        for item in value:
            yield f"v:{json.dumps(item)}", "", item
    else:
        keys = list_keys(name, value) or {}
        for item in value:
            yield item_word(keys, item), "", item


def leaves(value: Any, *, name: str = "", path: Path = ()) -> dict[Path, Any]:
    """Every leaf of a value by its path; an item of a keyed list is a leaf too (its keys)."""
    if is_leaf(name, value):
        return {path: value}
    found: dict[Path, Any] = {}
    for word, below, inner in children(name, value):
        if word.startswith("k:"):
            found[(*path, word)] = word
        found |= leaves(inner, name=below, path=(*path, word))
    return found


def to_v1(paths: Iterable[Path]) -> dict[str, Any]:
    """Paths as `fieldsV1`."""
    tree: dict[str, Any] = {}
    listed = sorted(paths)
    inner = {path[:length] for path in listed for length in range(1, len(path))}
    for path in listed:
        node = tree
        for word in path:
            node = node.setdefault(word, {})
        if path in inner:
            node["."] = {}
    return tree


def from_v1(tree: Mapping[str, Any], *, path: Path = ()) -> set[Path]:
    """Paths of a `fieldsV1`."""
    found: set[Path] = set()
    for word, below in tree.items():
        if word == ".":
            found.add(path)
        elif below:
            found |= from_v1(below, path=(*path, word))
        else:
            found.add((*path, word))
    return found


def format_path(path: Path) -> str:
    """A path in the notation of messages: `.spec.containers[name="server"].image`."""
    return "".join(_format_word(word) for word in path)


def _format_word(word: str) -> str:
    kind, _, rest = word.partition(":")
    if kind == "f":
        return f".{rest}"
    if kind == "v":
        return f"[={rest}]"
    pairs = json.loads(rest).items()
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in pairs) + "]"
