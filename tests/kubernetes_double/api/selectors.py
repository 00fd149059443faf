"""Selectors by labels and by fields, as in `?labelSelector=` and `?fieldSelector=`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.kubernetes_double.api.problems import bad_request

Matches = Callable[[Mapping[str, str]], bool]

_KEY = r"[A-Za-z0-9./_-]+"
_SET = re.compile(rf"^({_KEY})\s+(in|notin)\s+\(([^()]*)\)$")
_EQUAL = re.compile(rf"^({_KEY})\s*(==|=|!=)\s*([A-Za-z0-9._-]*)$")
_EXISTS = re.compile(rf"^(!?)\s*({_KEY})$")
_COMMA = re.compile(r",(?![^()]*\))")


def label_selector(text: str) -> Matches:
    """Whether labels match `a=b,c!=d,e in (x,y),f notin (z),g,!h`; empty matches all.

    Raises:
        ApiProblem: It cannot be read.
    """
    tests = [_requirement(part.strip()) for part in _COMMA.split(text) if part.strip()]
    return lambda labels: all(test(labels) for test in tests)


def _requirement(text: str) -> Matches:
    if found := _SET.match(text):
        key, operator, listed = found.groups()
        values = {value.strip() for value in listed.split(",")}
        return _is_in(key, values) if operator == "in" else _is_not_in(key, values)
    if found := _EQUAL.match(text):
        key, operator, value = found.groups()
        return _is_not_in(key, {value}) if operator == "!=" else _is_in(key, {value})
    if found := _EXISTS.match(text):
        absent, key = found.groups()
        return lambda labels: (key not in labels) if absent else (key in labels)
    raise bad_request(f"unable to parse requirement: {text!r}")


def _is_in(key: str, values: set[str]) -> Matches:
    return lambda labels: labels.get(key) in values


def _is_not_in(key: str, values: set[str]) -> Matches:
    return lambda labels: key not in labels or labels[key] not in values


def object_selector(selector: Mapping[str, Any] | None) -> Matches:
    """Whether labels match a `LabelSelector` object; None matches nothing, {} everything."""
    if selector is None:
        return lambda _: False
    tests = [_is_in(key, {value}) for key, value in (selector.get("matchLabels") or {}).items()]
    tests += [_expression(item) for item in selector.get("matchExpressions") or ()]
    return lambda labels: all(test(labels) for test in tests)


def _expression(item: Mapping[str, Any]) -> Matches:
    key, values = item["key"], set(item.get("values") or ())
    return {
        "In": _is_in(key, values),
        "NotIn": _is_not_in(key, values),
        "Exists": lambda labels: key in labels,
        "DoesNotExist": lambda labels: key not in labels,
    }[item["operator"]]


def field_selector(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """Whether an object matches `metadata.name=x,status.phase!=Failed`; empty matches all.

    Raises:
        ApiProblem: It cannot be read.
    """
    tests = []
    for part in filter(None, text.split(",")):
        found = re.match(r"^([A-Za-z.]+)(==|=|!=)(.*)$", part)
        if not found:
            raise bad_request(f"invalid field selector: {part!r}")
        tests.append((found[1].split("."), found[2] == "!=", found[3]))

    def matches(obj: Mapping[str, Any]) -> bool:
        return all((_at(obj, path) == value) is not differs for path, differs, value in tests)

    return matches


def _at(obj: Any, path: list[str]) -> str:
    for name in path:
        obj = obj.get(name) if isinstance(obj, Mapping) else None
    return "" if obj is None else str(obj)
