"""Server-side apply: an applier owns the fields of its configuration, and removes dropped ones.

Source: kubernetes.io "Server-Side Apply" and `sigs.k8s.io/structured-merge-diff`.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.kubernetes_double.api.field_paths import (
    Path,
    children,
    format_path,
    is_leaf,
    item_word,
    leaves,
    list_keys,
)
from tests.kubernetes_double.api.kinds import kind_of
from tests.kubernetes_double.api.managed_fields import Owner, Owners, owned, owners_of
from tests.kubernetes_double.api.object_store import Object, Objects
from tests.kubernetes_double.api.problems import ApiProblem, bad_request, conflict


def apply(
    objects: Objects,
    config: Object,
    *,
    manager: str,
    force: bool = False,
    subresource: str = "",
) -> tuple[Object, bool]:
    """Apply a configuration; the object, and whether it was created.

    Args:
        objects: All objects.
        config: The whole configuration of the manager.
        manager: Field manager.
        force: Whether to take over fields of other owners.
        subresource: `status`, or empty.

    Raises:
        ApiProblem: 409 with a cause for each field that has another owner and value, or for
            an old resourceVersion; and the errors of a write.
    """
    kind, config = kind_of(config["kind"]), copy.deepcopy(config)
    if config["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if subresource == "" and "status" in kind.subresources:
        config.pop("status", None)
    owner = Owner(manager, "Apply", kind.api_version, subresource)
    applied = set(owned(config))
    meta = config["metadata"]
    with objects.lock:
        live = objects.find(kind.name, meta.get("namespace", ""), meta["name"])
        if live is None:
            if meta.get("resourceVersion") or meta.get("uid"):
                raise conflict(kind.resource, meta["name"], "the object has been deleted")
            made = objects.create(config, claim=lambda *_: {owner: applied})
            return made, True
        others = {who: paths for who, paths in owners_of(live).items() if who != owner}
        merged = merged_value(live, config)
        lost = _lost(live, merged, others)
        if lost and not force:
            raise _conflicts(lost)
        _take_back(
            merged, owners_of(live).get(owner, set()) - applied, applied=applied, others=others
        )
        kept = {who: paths - lost.get(who, set()) for who, paths in others.items()}
        owners = _in_place(owners_of(live), {**kept, owner: applied})
        merged["metadata"]["resourceVersion"] = meta.get("resourceVersion")
        updated = objects.update(merged, subresource=subresource, claim=lambda *_: owners)
        return updated, False


def _in_place(before: Owners, after: Owners) -> Owners:
    """Owners in their former order."""
    return {who: after[who] for who in (*before, *after) if after.get(who)}


def merged_value(live: Any, config: Any, *, name: str = "") -> Any:
    """A value merged with a configuration."""
    if isinstance(config, dict) and isinstance(live, dict) and not _atomic(name, live, config):
        result = dict(live)
        for key, value in config.items():
            result[key] = merged_value(live.get(key), value, name=key)
        return result
    if isinstance(config, list) and isinstance(live, list) and not _atomic(name, live, config):
        return _merged_list(live, config, name)
    return copy.deepcopy(config)


def _atomic(name: str, live: Any, config: Any) -> bool:
    """Whether a field is replaced as a whole; an empty one is like the full one beside it."""
    fuller = live or config
    return bool(fuller) and is_leaf(name, fuller)


def _merged_list(live: list[Any], config: list[Any], name: str) -> list[Any]:
    keys = list_keys(name, config or live)
    if keys is None:
        return [*live, *(item for item in config if item not in live)]
    given = {item_word(keys, item): item for item in config}
    there = [item_word(keys, item) for item in live]
    # The applier's order; items of others stay behind their predecessors.
    merged: list[str] = []
    passed = 0
    for word in given:
        while passed < len(there) and there[passed] not in given:
            merged.append(there[passed])
            passed += 1
        if word in there[passed:]:
            until = there.index(word)
            merged += [one for one in there[passed:until] if one not in given]
            passed = until + 1
        merged.append(word)
    merged += [one for one in there[passed:] if one not in given]
    found = dict(zip(there, live, strict=True))
    return [
        merged_value(found[one], given[one])
        if one in found and one in given
        else copy.deepcopy(given.get(one, found.get(one)))
        for one in merged
    ]


def _lost(live: Object, merged: Object, others: Owners) -> Owners:
    """Fields of other owners whose value would change."""
    then, after = leaves(live), leaves(merged)
    changed = {path for path, value in after.items() if path not in then or then[path] != value}
    return {who: found for who, paths in others.items() if (found := paths & changed)}


def _conflicts(lost: Owners) -> ApiProblem:
    found = [(who, path) for who, paths in lost.items() for path in sorted(paths)]
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {who.described()}",
            "field": format_path(path),
        }
        for who, path in found
    ]
    if len(found) == 1:
        who, path = found[0]
        text = f"Apply failed with 1 conflict: conflict with {who.described()}: {format_path(path)}"
    else:
        lines = [
            line
            for who, paths in sorted(lost.items(), key=lambda item: item[0].described())
            for line in (
                f"conflicts with {who.described()}:",
                *(f"- {format_path(p)}" for p in sorted(paths)),
            )
        ]
        text = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return ApiProblem(409, "Conflict", text, {"causes": causes})


def _take_back(obj: Object, dropped: set[Path], *, applied: set[Path], others: Owners) -> None:
    """Remove dropped fields that no other owner has."""
    needed = applied.union(*others.values())
    held = {path[:length] for path in needed for length in range(1, len(path) + 1)}
    for path in sorted(dropped, key=len):
        if path not in held:
            _remove(obj, path, held=held)


def _remove(holder: Any, path: Path, *, held: set[Path]) -> None:
    trail = [holder]
    name = ""
    for word in path[:-1]:
        found = [(below, value) for at, below, value in children(name, trail[-1]) if at == word]
        if not found:
            return
        name, value = found[0]
        if not isinstance(value, dict | list):
            return
        trail.append(value)
    _drop(trail[-1], path[-1], name, item=path[-2] if len(path) > 1 else "")
    # An empty parent goes too, unless it is owned.
    for length in range(len(path) - 1, 1, -1):
        if trail[length] or path[:length] in held or path[length - 1].startswith("k:"):
            return
        _drop(trail[length - 1], path[length - 1], "", item="")


def _drop(holder: Any, word: str, name: str, *, item: str) -> None:
    kind, _, rest = word.partition(":")
    if kind == "f" and isinstance(holder, dict):
        # An item that stays keeps its key fields.
        if not (item.startswith("k:") and rest in json.loads(item[2:])):
            holder.pop(rest, None)
    elif isinstance(holder, list):
        holder[:] = [value for at, _, value in children(name, holder) if at != word]
