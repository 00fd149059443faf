"""Lists: chosen by selectors, cut into pages, in the form that the real server gives them."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from typing import Any

from tests.kubernetes_double.api.kinds import GATEWAY, Kind
from tests.kubernetes_double.api.object_store import Objects
from tests.kubernetes_double.api.problems import bad_request
from tests.kubernetes_double.api.request import Asking
from tests.kubernetes_double.api.selectors import field_selector, label_selector


def chosen(asking: Asking) -> Callable[[dict[str, Any]], bool]:
    """Whether an object is one of those that are asked for."""
    labelled = label_selector(asking.query.get("labelSelector", ""))
    fielded = field_selector(asking.query.get("fieldSelector", ""))
    target = asking.target

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


def listed(objects: Objects, asking: Asking) -> dict[str, Any]:
    """The list that is asked for."""
    kind, is_one = asking.target.kind, chosen(asking)
    with objects.lock:
        found = [obj for obj in objects.list(kind.name) if is_one(obj)]
        version = str(objects.version)
    limit, start = asking.number("limit") or len(found), _start(asking)
    page, rest = found[start : start + limit], found[start + limit :]
    meta: dict[str, Any] = {"resourceVersion": version}
    if rest:
        token = json.dumps({"start": start + limit}).encode()
        meta |= {
            "continue": base64.urlsafe_b64encode(token).decode(),
            "remainingItemCount": len(rest),
        }
    return {
        "kind": f"{kind.name}List",
        "apiVersion": kind.api_version,
        "metadata": meta,
        "items": [_as_item(obj, kind) for obj in page],
    }


def _start(asking: Asking) -> int:
    token = asking.query.get("continue", "")
    try:
        return int(json.loads(base64.urlsafe_b64decode(token))["start"]) if token else 0
    except (ValueError, KeyError) as error:
        raise bad_request("continue key is not valid") from error


def _as_item(obj: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """An item says what it is only where its kind came with a custom resource definition."""
    if kind.group == GATEWAY:
        return obj
    return {key: value for key, value in obj.items() if key not in ("kind", "apiVersion")}
