"""Server-side apply: whoever applies owns what they say, and takes back what they stop saying.

Source: kubernetes.io "Server-Side Apply" and `sigs.k8s.io/structured-merge-diff`.
"""

from __future__ import annotations

import copy
import json
from typing import Any

from tests.kubernetes_double.api.field_paths import (
    Path,
    children,
    is_leaf,
    item_word,
    leaves,
    list_keys,
    spoken,
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
    dry_run: bool = False,
) -> tuple[Object, bool]:
    """The object as applied, and whether it was created.

    Args:
        objects: Where it is kept.
        config: All that the manager wants to say about it.
        manager: Who applies.
        force: Whether fields that others own are taken from them.
        subresource: `status`, or empty.
        dry_run: Whether all happens but the writing.

    Raises:
        ApiProblem: 409 with a cause for each field that another owns with another value, or for
            an old resourceVersion; whatever a write may raise.
    """
    kind, config = kind_of(config["kind"]), copy.deepcopy(config)
    if config["metadata"].get("managedFields"):
        raise bad_request("metadata.managedFields must be nil")
    if subresource == "" and "status" in kind.subresources:
        config.pop("status", None)
    owner = Owner(manager, "Apply", kind.api_version, subresource)
    said = set(owned(config))
    meta = config["metadata"]
    with objects.lock:
        live = objects.find(kind.name, meta.get("namespace", ""), meta["name"])
        if live is None:
            if meta.get("resourceVersion") or meta.get("uid"):
                raise conflict(kind.resource, meta["name"], "the object has been deleted")
            made = objects.create(config, claim=lambda *_: {owner: said}, dry_run=dry_run)
            return made, True
        others = {who: paths for who, paths in owners_of(live).items() if who != owner}
        merged = merged_value(live, config)
        lost = _lost(live, merged, others)
        if lost and not force:
            raise _conflicts(lost)
        _take_back(merged, owners_of(live).get(owner, set()) - said, said=said, others=others)
        kept = {who: paths - lost.get(who, set()) for who, paths in others.items()}
        owners = _in_place(owners_of(live), {**kept, owner: said})
        merged["metadata"]["resourceVersion"] = meta.get("resourceVersion")
        updated = objects.update(
            merged, subresource=subresource, claim=lambda *_: owners, dry_run=dry_run
        )
        return updated, False


def _in_place(before: Owners, after: Owners) -> Owners:
    """Owners in the order that they had."""
    return {who: after[who] for who in (*before, *after) if after.get(who)}


def merged_value(live: Any, config: Any, *, name: str = "") -> Any:
    """A value with a configuration laid over it."""
    if isinstance(config, dict) and isinstance(live, dict) and not _atomic(name, live, config):
        result = dict(live)
        for key, value in config.items():
            result[key] = merged_value(live.get(key), value, name=key)
        return result
    if isinstance(config, list) and isinstance(live, list) and not _atomic(name, live, config):
        return _merged_list(live, config, name)
    return copy.deepcopy(config)


def _atomic(name: str, live: Any, config: Any) -> bool:
    """Whether a field is replaced as a whole; an empty one is as the full one beside it."""
    fuller = live or config
    return bool(fuller) and is_leaf(name, fuller)


def _merged_list(live: list[Any], config: list[Any], name: str) -> list[Any]:
    keys = list_keys(name, config or live)
    if keys is None:
        return [*live, *(item for item in config if item not in live)]
    given = {item_word(keys, item): item for item in config}
    there = [item_word(keys, item) for item in live]
    # The applier's order; what only others say stays behind what it stood behind.
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
    """What others own and would have another value."""
    then, after = leaves(live), leaves(merged)
    changed = {path for path, value in after.items() if path not in then or then[path] != value}
    return {who: found for who, paths in others.items() if (found := paths & changed)}


def _conflicts(lost: Owners) -> ApiProblem:
    found = [(who, path) for who, paths in lost.items() for path in sorted(paths)]
    causes = [
        {
            "reason": "FieldManagerConflict",
            "message": f"conflict with {who.spoken()}",
            "field": spoken(path),
        }
        for who, path in found
    ]
    if len(found) == 1:
        who, path = found[0]
        text = f"Apply failed with 1 conflict: conflict with {who.spoken()}: {spoken(path)}"
    else:
        lines = [
            line
            for who, paths in sorted(lost.items(), key=lambda item: item[0].spoken())
            for line in (
                f"conflicts with {who.spoken()}:",
                *(f"- {spoken(p)}" for p in sorted(paths)),
            )
        ]
        text = f"Apply failed with {len(found)} conflicts: " + "\n".join(lines)
    return ApiProblem(409, "Conflict", text, {"causes": causes})


def _take_back(obj: Object, unsaid: set[Path], *, said: set[Path], others: Owners) -> None:
    """Remove what the manager no longer says and nobody else does."""
    needed = said.union(*others.values())
    held = {path[:length] for path in needed for length in range(1, len(path) + 1)}
    for path in sorted(unsaid, key=len):
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
    # What held nothing else goes too, unless somebody says that it is there.
    for length in range(len(path) - 1, 1, -1):
        if trail[length] or path[:length] in held or path[length - 1].startswith("k:"):
            return
        _drop(trail[length - 1], path[length - 1], "", item="")


def _drop(holder: Any, word: str, name: str, *, item: str) -> None:
    kind, _, rest = word.partition(":")
    if kind == "f" and isinstance(holder, dict):
        # An item that stays keeps what tells it from the others.
        if not (item.startswith("k:") and rest in json.loads(item[2:])):
            holder.pop(rest, None)
    elif isinstance(holder, list):
        holder[:] = [value for at, _, value in children(name, holder) if at != word]
