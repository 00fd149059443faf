"""Translate pydantic's validation errors into problems of a spec."""

from __future__ import annotations

import types
import typing
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo

from slipway.spec.base import FORMS, SpecConflict
from slipway.spec.problems import Problem, format_value, nearest
from slipway.spec.union_errors import of_the_form_meant
from slipway.spec.yaml_reader import Document, Where

_EXPECTED: Mapping[str, str] = {
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "string_type": "text",
    "bool_type": "true or false",
    "dict_type": "a mapping",
    "model_type": "a mapping of fields",
    "list_type": "a list",
    "string_pattern_mismatch": "2 to 63 lower-case letters, digits and `_`, a letter first",
    "too_short": "at least one entry",
}
UNKNOWN = "unknown field"
MISSING = "is required but missing"
_YAML_1_1_BOOLEANS = frozenset({"yes", "no", "on", "off", "y", "n"})


def explain(
    error: ValidationError, spec: type[BaseModel], find: Callable[[Where], tuple[Document, Where]]
) -> list[Problem]:
    """Return one problem for each field that pydantic refused; a misspelt field counts once.

    Args:
        error: Validation error.
        spec: Class that was validated.
        find: Returns the file of a field, and its path there.
    """
    problems: list[tuple[Where, Problem]] = []
    for one in of_the_form_meant(error.errors(include_url=False), _expected):
        where, is_key = _plain(one["loc"])
        if isinstance(conflict := one.get("ctx", {}).get("error"), SpecConflict):
            where = (*where, *conflict.field)
        document, path = find(where)
        fields = _explain_one(one, spec, where, is_key=is_key)
        problem = Problem(document.file, document.line(path), dotted(path), **fields)
        problems.append((where, problem))
    misspelt = {(*where[:-1], one.nearest) for where, one in problems if one.summary == UNKNOWN}
    return [one for where, one in problems if one.summary != MISSING or where not in misspelt]


def dotted(where: Iterable[str | int]) -> str:
    """Format a field's path: `streams.features.columns.origin`."""
    return ".".join(map(str, where))


def _plain(location: tuple[str | int, ...]) -> tuple[Where, bool]:
    """A field's path without the names of forms, of which a field may have one or another."""
    named = tuple(part for part in location if part not in FORMS)
    if named and named[-1] == "[key]":
        return named[:-1], True
    return named, False


def _explain_one(
    one: Mapping[str, Any], spec: type[BaseModel], where: Where, *, is_key: bool
) -> dict[str, Any]:
    given, kind = one["input"], one["type"]
    if kind == "missing":
        return {"summary": MISSING, "hint": _description(spec, where)}
    if kind == "extra_forbidden":
        allowed = tuple(_fields(_annotation(spec, where[:-1])))
        place = place_of(str(where[-1]), spec)
        if place is not None:
            hint = f"it belongs to `{place}`: write it there, a level further in"
            return {"summary": UNKNOWN, "allowed": allowed, "hint": hint}
        return {
            "summary": UNKNOWN,
            "allowed": allowed,
            "nearest": nearest(where[-1], allowed),
        }
    if kind == "literal_error":
        parent = where[:-1] if is_key else where
        allowed = tuple(_choices(_annotation(spec, parent), keys=is_key))
        return {
            "summary": f"given {format_value(given)}",
            "allowed": allowed,
            "nearest": nearest(given, allowed),
        }
    if kind == "value_error":
        cause = one["ctx"]["error"]
        return {"summary": str(cause), "hint": getattr(cause, "hint", None)}
    return {
        "summary": f"given {format_value(given)}; expected {_expected(one)}",
        "hint": _hint(given, kind),
    }


def _expected(one: Mapping[str, Any]) -> str:
    words = _EXPECTED.get(one["type"])
    if words is None:
        message: str = one["msg"]
        words = message.removeprefix("Input should be ")
    return words


def _hint(given: object, kind: str) -> str | None:
    if given is None:
        return "nothing follows the colon; write a value, or remove the field"
    if kind == "string_type":
        return "put it in quotes" if isinstance(given, bool | int | float) else None
    if not isinstance(given, str):
        return None
    if kind == "bool_type" and given.lower() in _YAML_1_1_BOOLEANS:
        return "write true or false"
    if kind in {"int_type", "float_type"}:
        return "write a plain number, without quotes, units or `_`"
    return None


def _annotation(spec: Any, where: Where) -> Any:
    """The declared type at a path, or None."""
    kind: Any = spec
    for part in where:
        kind = _inside(_required(kind), part)
    return _required(kind)


def _inside(kind: Any, part: str | int) -> Any:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        field = _fields(kind).get(str(part))
        return None if field is None else field.annotation
    arguments = typing.get_args(kind)
    return arguments[-1] if typing.get_origin(kind) in {dict, list} else None


def _required(kind: Any) -> Any:
    if typing.get_origin(kind) is typing.Annotated:
        return _required(typing.get_args(kind)[0])
    if typing.get_origin(kind) in {typing.Union, types.UnionType}:
        several = [_required(one) for one in typing.get_args(kind) if one is not type(None)]
        # Of a field that may be a text or a mapping, only the mapping has fields of its own.
        fields = (one for one in several if isinstance(one, type) and issubclass(one, BaseModel))
        return next(fields, several[0])
    return kind


def _fields(kind: Any) -> dict[str, FieldInfo]:
    """Fields by the names that they have in a spec."""
    if kind is None:
        return {}
    return {field.alias or name: field for name, field in kind.model_fields.items()}


def place_of(name: str, spec: type[BaseModel]) -> str | None:
    """Return the one section of a spec, not the spec itself, that has a field of this name.

    Args:
        name: Name of the field.
        spec: Class of the spec.

    Returns:
        Dotted path of the section; None where none has it, or several have it as high up.
    """
    level: list[tuple[str, Any]] = [("", spec)]
    while level:
        below = [
            (f"{path}.{one}".removeprefix("."), inner)
            for path, kind in level
            for one, field in _fields(kind).items()
            if _is_section(inner := _required(field.annotation))
        ]
        found = [path for path, kind in below if name in _fields(kind)]
        if found:
            return found[0] if len(found) == 1 else None
        level = below
    return None


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, BaseModel)


def _choices(kind: Any, *, keys: bool) -> list[str]:
    if keys:
        kind = typing.get_args(kind)[0]
    return [str(one) for one in typing.get_args(kind)] if typing.get_origin(kind) is Literal else []


def _description(spec: type[BaseModel], where: Where) -> str | None:
    parent = _annotation(spec, where[:-1])
    field = _fields(parent).get(str(where[-1]))
    return None if field is None else field.description
