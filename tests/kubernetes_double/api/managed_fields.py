"""Field ownership: `metadata.managedFields`."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.kubernetes_double.api.field_paths import Path, from_v1, leaves, to_v1

# The server's own fields have no owner.
_UNOWNED = {
    ("f:apiVersion",),
    ("f:kind",),
    *(
        ("f:metadata", f"f:{name}")
        for name in (
            "name",
            "namespace",
            "uid",
            "resourceVersion",
            "generation",
            "creationTimestamp",
            "deletionTimestamp",
            "deletionGracePeriodSeconds",
            "selfLink",
            "managedFields",
        )
    ),
}
# Fields that the server's types always have, so no writer adds them.
_ALWAYS = {
    "f:metadata",
    "f:spec",
    "f:status",
    "f:template",
    "f:strategy",
    "f:containers",
    "f:resources",
}


@dataclass(frozen=True)
class Owner:
    """A writer: one entry of `managedFields`.

    Attributes:
        manager: Name of the field manager.
        operation: `Apply` or `Update`.
        api_version: Version that was written.
        subresource: Subresource that was written; empty: the object itself.
    """

    manager: str
    operation: str
    api_version: str
    subresource: str = ""

    def described(self) -> str:
        """The owner as in messages."""
        text = f'"{self.manager}"'
        if self.subresource:
            text += f' with subresource "{self.subresource}"'
        return text if self.operation == "Apply" else f"{text} using {self.api_version}"


Owners = dict[Owner, set[Path]]
# Owners after a write, from the object before (None: there was none) and after it.
Claim = Callable[[Mapping[str, Any] | None, Mapping[str, Any]], Owners]


def now() -> str:
    """The current second in the API's format."""
    return datetime.now(tz=UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def owned(obj: Mapping[str, Any]) -> dict[Path, Any]:
    """Leaves of an object that can be owned, with their values."""
    trimmed = dict(obj)
    trimmed["metadata"] = {
        key: value for key, value in obj.get("metadata", {}).items() if key != "managedFields"
    }
    return {
        path: value
        for path, value in leaves(trimmed).items()
        if path not in _UNOWNED and path[:2] not in _UNOWNED
    }


def owners_of(obj: Mapping[str, Any]) -> Owners:
    """Owned paths by owner."""
    return {
        Owner(
            entry["manager"], entry["operation"], entry["apiVersion"], entry.get("subresource", "")
        ): from_v1(entry.get("fieldsV1") or {})
        for entry in obj.get("metadata", {}).get("managedFields") or ()
    }


def entries(
    owners: Owners, before: Mapping[str, Any] | None, after: Mapping[str, Any]
) -> list[dict[str, Any]]:
    """`managedFields` of owners; an owner without a change keeps its time."""
    old = owners_of(before) if before else {}
    written = _changed(owned(before or {}), owned(after))
    times = {
        owner: entry["time"]
        for owner, entry in zip(
            old, (before or {}).get("metadata", {}).get("managedFields") or (), strict=True
        )
    }
    return [
        {
            "manager": owner.manager,
            "operation": owner.operation,
            "apiVersion": owner.api_version,
            "time": times[owner] if old.get(owner) == paths and not paths & written else now(),
            "fieldsType": "FieldsV1",
            "fieldsV1": to_v1(paths),
        }
        | ({"subresource": owner.subresource} if owner.subresource else {})
        for owner, paths in owners.items()
        if paths
    ]


def updated(before: Mapping[str, Any] | None, after: Mapping[str, Any], *, owner: Owner) -> Owners:
    """Owners after an update or patch: the writer owns all that it changed.

    It also owns added maps and lists: the writer of the first annotation owns
    the annotations as such.
    """
    then, now_there = owned(before or {}), owned(after)
    changed = _changed(then, now_there) | _added(then, now_there)
    owners = {
        other: (paths - changed) & _alive(paths, now_there)
        for other, paths in copy.deepcopy(owners_of(before) if before else {}).items()
    }
    if changed:
        owners[owner] = owners.get(owner, set()) | changed
    return owners


def updating(api_version: str, manager: str, subresource: str = "") -> Claim:
    """The claim of an update or patch."""
    owner = Owner(manager or "unknown", "Update", api_version, subresource)
    return lambda before, after: updated(before, after, owner=owner)


def _alive(paths: set[Path], there: Mapping[Path, Any]) -> set[Path]:
    """Paths that the object still has, as leaves or as maps and lists."""
    return paths & (set(there) | _holders(there))


def _changed(then: Mapping[Path, Any], after: Mapping[Path, Any]) -> set[Path]:
    return {path for path, value in after.items() if path not in then or then[path] != value}


def _added(then: Mapping[Path, Any], after: Mapping[Path, Any]) -> set[Path]:
    """Maps and lists that are new."""
    there = _holders(then)
    added: set[Path] = set()
    for path in sorted(_holders(after) - there, key=len):
        if path[-1] not in _ALWAYS or path[:-1] in added:
            added.add(path)
    return added


def _holders(there: Mapping[Path, Any]) -> set[Path]:
    """Maps and lists with leaves."""
    return {path[:length] for path in there for length in range(1, len(path))}
