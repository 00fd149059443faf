"""Validation of objects by the published schema: unknown, missing and mistyped fields.

Source: the OpenAPI schema of Kubernetes 1.36, as the package `kubernetes_validate` ships it.
"""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from tests.kubernetes_double.api.gateway_schema import GATEWAY_SCHEMAS
from tests.kubernetes_double.api.kinds import Kind

RELEASE = "1.36"
_FOLDER = f"kubernetes-json-schema/v{RELEASE}.0-local-strict"
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "object": (dict,),
    "array": (list,),
    "null": (type(None),),
}


@dataclass
class Faults:
    """Faults of an object by its schema, each with its field.

    Attributes:
        unknown: Unknown fields; they were removed from the object.
        missing: Missing required fields.
        mistyped: Fields of a wrong type, with the expected type.
        unsupported: Fields whose value is not in the enum.
    """

    unknown: list[str] = field(default_factory=list)
    missing: list[str] = field(default_factory=list)
    mistyped: list[tuple[str, str]] = field(default_factory=list)
    unsupported: list[tuple[str, Any, list[Any]]] = field(default_factory=list)


@functools.cache
def _shipped(name: str) -> dict[str, Any]:
    path = resources.files("kubernetes_validate").joinpath(f"{_FOLDER}/{name}.json")
    schema: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return schema


def schema_of(kind: Kind) -> dict[str, Any]:
    """The schema of a kind."""
    if kind.name in GATEWAY_SCHEMAS:
        return GATEWAY_SCHEMAS[kind.name]
    group = kind.group.split(".")[0]
    return _shipped("-".join(filter(None, (kind.name.lower(), group, kind.version))))


def validate_schema(kind: Kind, obj: dict[str, Any]) -> Faults:
    """All faults of an object; unknown fields are removed from it."""
    faults = Faults()
    # A client is not responsible for metadata that the server writes.
    spared = {**obj, "metadata": {**obj.get("metadata", {})}}
    spared["metadata"].pop("managedFields", None)
    _walk(schema_of(kind), spared, "", faults)
    obj.clear()
    obj.update(spared)
    return faults


def _resolved(schema: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        schema = _shipped("_definitions")["$defs"][name]
    return schema


def _walk(schema: dict[str, Any], value: Any, path: str, faults: Faults) -> None:
    schema = _resolved(schema)
    if "oneOf" in schema:
        types = [kind for option in schema["oneOf"] for kind in _listed(option.get("type"))]
    else:
        types = _listed(schema.get("type"))
    if types and not _is_one_of(types, value):
        faults.mistyped.append((path.lstrip("."), types[0]))
        return
    if "enum" in schema and value not in (None, *schema["enum"]):
        faults.unsupported.append((path.lstrip("."), value, schema["enum"]))
    if isinstance(value, dict):
        _walk_object(schema, value, path, faults)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            _walk(schema.get("items", {}), item, f"{path}[{index}]", faults)


def _walk_object(schema: dict[str, Any], value: dict[str, Any], path: str, faults: Faults) -> None:
    properties = schema.get("properties", {})
    rest = schema.get("additionalProperties", True)
    for name in schema.get("required", ()):
        if value.get(name) is None:
            faults.missing.append(f"{path}.{name}".lstrip("."))
    for name in list(value):
        below = f"{path}.{name}"
        if name in properties:
            _walk(properties[name], value[name], below, faults)
        elif isinstance(rest, dict):
            _walk(rest, value[name], below, faults)
        elif rest is False:
            faults.unknown.append(below.lstrip("."))
            del value[name]


def _listed(types: str | list[str] | None) -> list[str]:
    return [types] if isinstance(types, str) else list(types or ())


def _is_one_of(types: list[str], value: Any) -> bool:
    if isinstance(value, bool):
        return "boolean" in types
    return any(isinstance(value, _TYPES[name]) for name in types)
