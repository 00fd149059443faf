"""Patches that are no apply: JSON patch, merge patch, strategic merge patch.

Source: RFC 6902, RFC 7386, Kubernetes' "Update API Objects in Place Using kubectl patch".
"""

from __future__ import annotations

import copy
from typing import Any

import jsonpatch

from tests.kubernetes_double.api.field_paths import list_keys
from tests.kubernetes_double.api.problems import ApiProblem, bad_request

JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"


def patched(obj: dict[str, Any], patch: Any, *, content_type: str) -> dict[str, Any]:
    """An object after a patch.

    Raises:
        ApiProblem: The patch cannot be read (400) or does not fit the object (422).
    """
    if content_type == JSON:
        return _json(obj, patch)
    if not isinstance(patch, dict):
        raise bad_request("patch must be an object")
    if content_type == MERGE:
        merged: dict[str, Any] = merge(obj, patch)
        return merged
    result: dict[str, Any] = strategic(obj, patch)
    return result


def _json(obj: dict[str, Any], patch: Any) -> dict[str, Any]:
    try:
        result: dict[str, Any] = jsonpatch.apply_patch(obj, patch)
    except jsonpatch.JsonPatchConflict as problem:
        text = "the server rejected our request due to an error in our request"
        raise ApiProblem(422, "Invalid", f"{text}: {problem}") from problem
    except (jsonpatch.JsonPatchException, jsonpatch.JsonPointerException, TypeError) as problem:
        raise bad_request(f"error decoding patch: {problem}") from problem
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
    """A value after a strategic merge patch: known lists are merged by their keys."""
    if isinstance(patch, list):
        return _strategic_list(there, patch, name)
    if not isinstance(patch, dict):
        return copy.deepcopy(patch)
    given = {key: value for key, value in patch.items() if not key.startswith("$")}
    if "$patch" in patch:
        return copy.deepcopy(given) if patch["$patch"] == "replace" else {}
    result = _directed(dict(there) if isinstance(there, dict) else {}, patch)
    for key, value in given.items():
        if value is None:
            result.pop(key, None)
        else:
            there, result[key] = result.get(key), strategic(result.get(key), value, name=key)
            if there and result[key] == []:
                # The server's own kinds leave empty lists out.
                del result[key]
    return result


def _directed(there: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    """A map after what a patch says of its keys and of its plain lists."""
    kept = patch.get("$retainKeys", there)
    result = {key: value for key, value in there.items() if key in kept}
    for key, removed in patch.items():
        if key.startswith("$deleteFromPrimitiveList/"):
            at = key.partition("/")[2]
            result[at] = [item for item in result.get(at) or () if item not in removed]
    return result


def _strategic_list(there: Any, patch: list[Any], name: str) -> list[Any]:
    if name == "finalizers":
        return [*(there or ()), *(item for item in patch if item not in (there or ()))]
    if {"$patch": "replace"} in patch:
        return copy.deepcopy([item for item in patch if item != {"$patch": "replace"}])
    keys = list_keys(name, patch)
    if keys is None:
        return copy.deepcopy(patch)
    # Strategic merge goes by the first key alone, unlike server-side apply.
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
