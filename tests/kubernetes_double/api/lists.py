"""Lists: selectors, and the real server's form."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.request import ApiRequest
from tests.kubernetes_double.api.selectors import field_selector, label_selector


def chosen(api_request: ApiRequest) -> Callable[[dict[str, Any]], bool]:
    """A predicate for the objects that a request selects."""
    labelled = label_selector(api_request.query.get("labelSelector", ""))
    fielded = field_selector(api_request.query.get("fieldSelector", ""))
    target = api_request.target

    def is_one(obj: dict[str, Any]) -> bool:
        meta = obj["metadata"]
        return (
            obj["kind"] == target.kind.name
            and target.namespace in ("", meta.get("namespace", ""))
            and target.name in ("", meta["name"])
            and labelled(meta.get("labels") or {})
            and fielded(obj)
        )

    return is_one


def listed(objects: Objects, api_request: ApiRequest) -> dict[str, Any]:
    """The list for a request."""
    kind, is_one = api_request.target.kind, chosen(api_request)
    with objects.lock:
        found = [obj for obj in objects.list(kind.name) if is_one(obj)]
        version = str(objects.version)
    return {
        "kind": f"{kind.name}List",
        "apiVersion": kind.api_version,
        "metadata": {"resourceVersion": version},
        "items": [_as_item(obj) for obj in found],
    }


def _as_item(obj: dict[str, Any]) -> dict[str, Any]:
    """An item of a list, which does not repeat kind and version."""
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
