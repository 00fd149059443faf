"""LimitRanges: what a container gets that says nothing itself, and how much it may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import forbidden
from tests.kubernetes_double.api.quantities import quantity

Fields = dict[str, Any]


def limited(objects: Objects, obj: Fields, before: Fields | None) -> None:
    """Give a new pod's containers what its namespace's LimitRanges say; a check for `Objects`.

    Raises:
        ApiProblem: 403: a container asks for more or less than it may.
    """
    if obj["kind"] != "Pod" or before is not None:
        return
    spec = obj["spec"]
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    for limit in _limits(objects, obj["metadata"].get("namespace", "")):
        for container in containers:
            _fill(container, limit)
    for limit in _limits(objects, obj["metadata"].get("namespace", "")):
        said = [text for container in containers for text in _breaches(container, limit)]
        if said:
            raise forbidden("pods", obj["metadata"]["name"], ", ".join(said))


def _limits(objects: Objects, namespace: str) -> Iterator[Fields]:
    for found in objects.list("LimitRange", namespace):
        yield from (item for item in found["spec"]["limits"] if item["type"] == "Container")


def _fill(container: Fields, limit: Fields) -> None:
    resources = container.setdefault("resources", {})
    most = {**(limit.get("max") or {}), **(limit.get("default") or {})}
    usual = {**(limit.get("min") or {}), **most, **(limit.get("defaultRequest") or {})}
    for field, amounts in (("limits", most), ("requests", usual)):
        if amounts:
            resources[field] = {**amounts, **(resources.get(field) or {})}


def _breaches(container: Fields, limit: Fields) -> Iterator[str]:
    resources = container.get("resources") or {}
    for word, bound, field, one, sign in (
        ("maximum", "max", "limits", "limit", 1),
        ("minimum", "min", "requests", "request", -1),
    ):
        for name, amount in (limit.get(bound) or {}).items():
            asked = (resources.get(field) or {}).get(name)
            start = f"{word} {name} usage per Container is {amount}"
            if asked is None:
                yield f"{start}.  No {one} is specified"
            elif sign * (quantity(asked) - quantity(amount)) > 0:
                yield f"{start}, but {one} is {asked}"
