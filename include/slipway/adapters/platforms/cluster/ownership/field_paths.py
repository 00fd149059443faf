"""Which fields a manifest has, in the words of `metadata.managedFields`; pure.

A path is a tuple of `fieldsV1` words: `f:image` is a field, `k:{"name":"server"}` an item of a list
that the API merges by keys. What it replaces as a whole is one field, however much it holds.

Source: kubernetes.io, "Server-Side Apply", and the merge keys of the API's OpenAPI document.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from typing import Any

Path = tuple[str, ...]

MISSING = object()
"""What a manifest has where it has no such field."""

# Of the lists that our manifests have, these are merged; the others are replaced.
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
    """A value that says nothing of some fields, nor of maps that held nothing else."""
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


def ordered(value: Any, like: Any, *, name: str = "") -> Any:
    """A value whose merged lists stand in the order of another's; what that lacks comes last.

    Order says nothing where the API merges by keys, but another one makes another template.
    """
    parts = list(_parts(value, name))
    if not parts or type(value) is not type(like):
        return value
    there = {word: (place, one) for place, (word, _, one) in enumerate(_parts(like, name))}
    last = len(there), None
    found = {word: there.get(word, last) for word, _, _ in parts}
    if isinstance(value, list):
        parts.sort(key=lambda part: found[part[0]][0])
        return [ordered(one, found[word][1]) for word, _, one in parts]
    return {below: ordered(one, found[word][1], name=below) for word, below, one in parts}


def value_at(value: Any, path: Path) -> Any:
    """What a manifest has there, or `MISSING`."""
    for word in path:
        kind, _, said = word.partition(":")
        if kind == "f" and isinstance(value, Mapping):
            value = value.get(said, MISSING)
        elif kind == "k" and isinstance(value, list):
            keys = json.loads(said).items()
            value = next((one for one in value if keys <= one.items()), MISSING)
        else:
            return MISSING
    return value


def holds(fields: Mapping[str, Any], path: Path) -> bool:
    """Whether `fieldsV1` names a field, something below it, or a whole that it belongs to."""
    for word in path:
        below = _below(fields, word)
        if below is None:
            return False
        if not below and word.startswith("f:"):
            return True
        fields = below
    return True


def spoken(path: Path) -> str:
    """A path as the API writes it in messages: `.spec.containers[name="server"].image`."""
    return "".join(_spoken(word) for word in path)


def _parts(value: Any, name: str) -> Iterator[tuple[str, str, Any]]:
    """Word, name and value of what a value is merged by; nothing where it is a whole."""
    if isinstance(value, Mapping) and name not in _WHOLE:
        for key, inner in value.items():
            yield f"f:{key}", key, inner
    elif isinstance(value, list) and (keys := _keys_of(name, value)):
        for one in value:
            said = {key: one[key] for key in keys}
            yield f"k:{json.dumps(said, sort_keys=True, separators=(',', ':'))}", "", one


def _keys_of(name: str, items: list[Any]) -> tuple[str, ...]:
    asked = _PORTS if name == "ports" else [_KEYS.get(name, ())]
    fit = (keys for keys in asked if all(set(keys) <= set(one) for one in items))
    return next(fit, ())


def _below(fields: Mapping[str, Any], word: str) -> Mapping[str, Any] | None:
    found: Mapping[str, Any] | None = fields.get(word)
    if found is None and word.startswith("k:"):
        # The same keys, however they are written.
        keys = json.loads(word[2:])
        same = (one for one in fields if one.startswith("k:") and json.loads(one[2:]) == keys)
        found = next((fields[one] for one in same), None)
    return found


def _spoken(word: str) -> str:
    kind, _, said = word.partition(":")
    if kind == "f":
        return f".{said}"
    keys = json.loads(said).items()
    return "[" + ",".join(f"{key}={json.dumps(value)}" for key, value in keys) + "]"
