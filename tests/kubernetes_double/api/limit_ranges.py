"""LimitRanges: default resources of containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.kubernetes_double.api.object_store import Objects

Fields = dict[str, Any]


def limited(objects: Objects, obj: Fields, before: Fields | None) -> None:
    """Apply the defaults of the namespace's LimitRanges to a new pod; a check for `Objects`."""
    if obj["kind"] != "Pod" or before is not None:
        return
    spec = obj["spec"]
    containers = [*(spec.get("initContainers") or ()), *(spec.get("containers") or ())]
    for limit in _limits(objects, obj["metadata"].get("namespace", "")):
        for container in containers:
            _fill(container, limit)


def _limits(objects: Objects, namespace: str) -> Iterator[Fields]:
    for found in objects.list("LimitRange", namespace):
        yield from (item for item in found["spec"]["limits"] if item["type"] == "Container")


def _fill(container: Fields, limit: Fields) -> None:
    resources = container.setdefault("resources", {})
    limits = limit.get("default") or {}
    requests = {**limits, **(limit.get("defaultRequest") or {})}
    for field, amounts in (("limits", limits), ("requests", requests)):
        if amounts:
            resources[field] = {**amounts, **(resources.get(field) or {})}
