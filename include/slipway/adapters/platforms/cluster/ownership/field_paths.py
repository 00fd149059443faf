"""Paths of a manifest's fields in the notation of `metadata.managedFields`; pure.

A path is a tuple of `fieldsV1` words: `f:image` is a field, `k:{"name":"server"}` an item of a list
that the API merges by keys. A value that it replaces as a whole is one field.

Source: kubernetes.io, "Server-Side Apply", and the merge keys of the API's OpenAPI document.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Path = tuple[str, ...]

MISSING = object()
"""The value of a field that a manifest does not have."""

# Merged lists of our manifests with their keys; all other lists are replaced.
_KEYS: Mapping[str, tuple[str, ...]] = {
    "containers": ("name",),
    "initContainers": ("name",),
    "env": ("name",),
    "volumes": ("name",),
    "volumeMounts": ("mountPath",),
    "topologySpreadConstraints": ("topologyKey", "whenUnsatisfiable"),
}
_PORTS = (("containerPort", "protocol"), ("port", "protocol"))
_WHOLE = {"selector", "labelSelector", "nodeSelector"}


def leaves(value: Any, *, name: str = "", path: Path = ()) -> Iterator[tuple[Path, Any]]:
    """Path and value of each field below a value, and below the items of its merged lists."""
    parts = list(_parts(value, name))
    if not parts:
        yield path, value
    for word, below, inner in parts:
        yield from leaves(inner, name=below, path=(*path, word))


def without(value: Any, paths: Collection[Path], *, name: str = "", path: Path = ()) -> Any:
    """A copy of a value without some fields, nor the maps that held no other field."""
    parts = list(_parts(value, name))
    if not parts:
        return value
    kept = [
        (word, below, without(inner, paths, name=below, path=(*path, word)), inner)
        for word, below, inner in parts
        if (*path, word) not in paths
    ]
    if isinstance(value, list):
        return [left for _, _, left, _ in kept]
    return {below: left for _, below, left, inner in kept if left or left == inner}


def ordered_like(value: Any, like: Any, *, name: str = "") -> Any:
    """A copy of a value with its merged lists in the order of another's; other items come last.

    The order of a merged list has no meaning, but another order makes another pod template.
    """
    parts = list(_parts(value, name))
    if not parts or type(value) is not type(like):
        return value
    there = {word: (place, one) for place, (word, _, one) in enumerate(_parts(like, name))}
    last = len(there), None
    found = {word: there.get(word, last) for word, _, _ in parts}
    if isinstance(value, list):
        parts.sort(key=lambda part: found[part[0]][0])
        return [ordered_like(one, found[word][1]) for word, _, one in parts]
    return {below: ordered_like(one, found[word][1], name=below) for word, below, one in parts}


def value_at(value: Any, path: Path) -> Any:
    """The value at a path, or `MISSING`."""
    for word in path:
        kind, _, name = word.partition(":")
        if kind == "f" and isinstance(value, Mapping):
            value = value.get(name, MISSING)
        elif kind == "k" and isinstance(value, list):
            keys = json.loads(name).items()
            value = next((one for one in value if keys <= one.items()), MISSING)
        else:
            return MISSING
    return value


def contains(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether `fieldsV1` contains a field, a field below it, or a whole that it belongs to."""
    for word in path:
        below = _below(fields, word)
        if below is None:
            return False
        if not below and word.startswith("f:"):
            return True
        fields = below
    return True


def format_path(path: Path) -> str:
    """A path as the API writes it in messages: `.spec.containers[name="server"].image`."""
    return "".join(_format_word(word) for word in path)


def _parts(value: Any, name: str) -> Iterator[tuple[str, str, Any]]:
    """Word, name and value of each part that the API merges; none where it replaces the value."""
    if isinstance(value, Mapping) and name not in _WHOLE:
        for key, inner in value.items():
            yield f"f:{key}", key, inner
    elif isinstance(value, list) and (keys := _keys_of(name, value)):
        for one in value:
            identity = {key: one[key] for key in keys}
            yield f"k:{json.dumps(identity, sort_keys=True, separators=(',', ':'))}", "", one


def _keys_of(name: str, items: list[Any]) -> tuple[str, ...]:
    candidates = _PORTS if name == "ports" else [_KEYS.get(name, ())]
    fit = (keys for keys in candidates if all(set(keys) <= set(one) for one in items))
    return next(fit, ())


def _below(fields: Mapping[str, Any], word: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = fields.get(word)
    if found is None and word.startswith("k:"):
        # The same keys may be serialised differently.
        keys = json.loads(word[2:])
        same = (one for one in fields if one.startswith("k:") and json.loads(one[2:]) == keys)
        found = next((fields[one] for one in same), None)
    return found


def _format_word(word: str) -> str:
    kind, _, name = word.partition(":")
    if kind == "f":
        return f".{name}"
    keys = json.loads(name).items()
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in keys) + "]"
