"""Label and field selectors, as in `?labelSelector=` and `?fieldSelector=`."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from tests.kubernetes_double.api.problems import bad_request

Matches = Callable[[Mapping[str, str]], bool]

_KEY = r"[A-Za-z0-9./_-]+"
_EQUAL = re.compile(rf"^({_KEY})\s*(==|=|!=)\s*([A-Za-z0-9._-]*)$")
_EXISTS = re.compile(rf"^(!?)\s*({_KEY})$")


def label_selector(text: str) -> Matches:
    """A predicate for labels: `a=b,c!=d,e,!f`; empty matches all.

    Raises:
        ApiProblem: It cannot be read.
    """
    tests = [_requirement(part.strip()) for part in text.split(",") if part.strip()]
    return lambda labels: all(test(labels) for test in tests)


def _requirement(text: str) -> Matches:
    if found := _EQUAL.match(text):
        key, operator, value = found.groups()
        return _differs(key, value) if operator == "!=" else _equals(key, value)
    if found := _EXISTS.match(text):
        absent, key = found.groups()
        return lambda labels: (key not in labels) if absent else (key in labels)
    raise bad_request(f"unable to parse requirement: {text!r}")


def _equals(key: str, value: str) -> Matches:
    return lambda labels: labels.get(key) == value


def _differs(key: str, value: str) -> Matches:
    return lambda labels: labels.get(key) != value


def object_selector(selector: Mapping[str, Any]) -> Matches:
    """A predicate for labels by the `matchLabels` of a `LabelSelector`."""
    expected = selector.get("matchLabels") or {}
    return lambda labels: expected.items() <= labels.items()


def field_selector(text: str) -> Callable[[Mapping[str, Any]], bool]:
    """A predicate for objects: `metadata.name=x,status.phase!=Failed`; empty matches all.

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
