"""Decoding of bodies into objects: unreadable ones, and unknown fields."""

from __future__ import annotations

from typing import Any

from tests.kubernetes_double.api.kinds import Kind
from tests.kubernetes_double.api.problems import ApiProblem, bad_request
from tests.kubernetes_double.api.schema import validate_schema

_GO_TYPES = {"integer": "int32", "boolean": "bool", "object": "map", "array": "slice"}


def without_nulls(value: Any) -> Any:
    """A value without null fields, as the server reads it."""
    if isinstance(value, dict):
        return {key: without_nulls(below) for key, below in value.items() if below is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def decoded(kind: Kind, body: Any, *, strictness: str = "Warn") -> tuple[dict[str, Any], list[str]]:
    """The object of a body, and warnings.

    Args:
        kind: Expected kind.
        body: Parsed JSON or YAML.
        strictness: `fieldValidation`: `Strict` refuses unknown fields, `Warn`
            and `Ignore` drop them.

    Raises:
        ApiProblem: 400.
    """
    obj = _of_kind(kind, body)
    faults = validate_schema(kind, obj)
    start = f'{kind.name} in version "{kind.version}" cannot be handled as a {kind.name}:'
    if faults.mistyped:
        field, wanted = faults.mistyped[0]
        raise bad_request(
            f"{start} json: cannot unmarshal into Go struct field {kind.name}.{field} of type "
            f"{_GO_TYPES.get(wanted, wanted)}"
        )
    unknown = [f'unknown field "{field}"' for field in faults.unknown]
    if unknown and strictness == "Strict":
        raise bad_request(f"{start} strict decoding error: {', '.join(unknown)}")
    return obj, unknown if strictness == "Warn" else []


def typed(kind: Kind, body: Any, *, namespace: str) -> dict[str, Any]:
    """The configuration of a server-side apply, which may have no unknown field.

    Raises:
        ApiProblem: 400 for another kind, 500 for another field, as the real server has it.
    """
    obj = _of_kind(kind, body)
    faults = validate_schema(kind, obj)
    found = [f".{field}: field not declared in schema" for field in faults.unknown]
    found += [f".{field}: expected {wanted}" for field, wanted in faults.mistyped]
    if found:
        name = f"{namespace}/{obj['metadata'].get('name', '')}"
        what = f"{name}; {kind.api_version}, Kind={kind.name}"
        text = f"failed to create typed patch object ({what}): {found[0]}"
        raise ApiProblem(500, "", text)
    return obj


def _of_kind(kind: Kind, body: Any) -> dict[str, Any]:
    if not isinstance(body, dict):
        raise bad_request("the object provided is unrecognized (must be of type Object)")
    obj: dict[str, Any] = without_nulls(body)
    kind_given = (obj.setdefault("apiVersion", kind.api_version), obj.setdefault("kind", kind.name))
    if kind_given != (kind.api_version, kind.name):
        raise bad_request(
            f"{kind_given[1]} in version {kind_given[0]!r} cannot be handled as a {kind.name}: "
            f"no kind {kind_given[1]!r} is registered for it"
        )
    if not isinstance(obj.setdefault("metadata", {}), dict):
        raise bad_request("metadata must be an object")
    return obj
