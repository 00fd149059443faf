"""Patches other than an apply: merge patch and strategic merge patch.

Source: RFC 7386, Kubernetes' "Update API Objects in Place Using kubectl patch".
"""

from __future__ import annotations

import copy
from typing import Any

from tests.kubernetes_double.api.field_paths import list_keys
from tests.kubernetes_double.api.problems import bad_request

MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def patched(obj: dict[str, Any], patch: Any, *, content_type: str) -> dict[str, Any]:
    """An object after a patch.

    Raises:
        ApiProblem: 400: the patch is no object.
    """
    if not isinstance(patch, dict):
        raise bad_request("patch must be an object")
    if content_type == MERGE:
        merged: dict[str, Any] = merge(obj, patch)
        return merged
    result: dict[str, Any] = strategic(obj, patch)
    return result


def merge(there: Any, patch: Any) -> Any:
    """A value after a merge patch: null removes, lists are replaced."""
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(there) if isinstance(there, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            result[key] = merge(result.get(key), value)
    return result


def strategic(there: Any, patch: Any, *, name: str = "") -> Any:
    """A value after a strategic merge patch: keyed lists are merged by key."""
    if isinstance(patch, list):
        return _strategic_list(there, patch, name)
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    result = dict(there) if isinstance(there, dict) else {}
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        else:
            there, result[key] = result.get(key), strategic(result.get(key), value, name=key)
            if there and result[key] == []:
                # The server's own kinds omit empty lists.
                del result[key]
    return result


def _strategic_list(there: Any, patch: list[Any], name: str) -> list[Any]:
    keys = list_keys(name, patch)
    if keys is None:
        return copy.deepcopy(patch)
    # Strategic merge uses the first key only, unlike server-side apply.
    key = next(iter(keys))
    result = list(there or ())
    for item in patch:
        at = next((i for i, held in enumerate(result) if held.get(key) == item.get(key)), None)
        if item.get("$patch") == "delete":
            result = [held for held in result if held.get(key) != item.get(key)]
        elif at is None:
            result.append(strategic({}, item))
        else:
            result[at] = strategic(result[at], item)
    return result
