"""Find fields that differ from what Slipway applied last, with their managers; pure.

Fields Slipway never applied (sidecars, labels, status) are ignored, but for those in its containers
that it leaves out on purpose. A field that has the applied value is no change, whichever manager
owns it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from slipway.adapters.platforms.cluster.manifests.last_applied import (
    LAST_APPLIED,
    read_last_applied,
)
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.manifests.names import ANNOTATION_PREFIX, REPLICAS
from slipway.adapters.platforms.cluster.manifests.resources import parse_quantity
from slipway.adapters.platforms.cluster.ownership.added_settings import added_settings
from slipway.adapters.platforms.cluster.ownership.field_paths import (
    MISSING,
    Path,
    contains,
    format_path,
    leaves,
    value_at,
)
from slipway.adapters.platforms.cluster.ownership.managed_fields import (
    applied_fields,
    last_manager,
)

MOST_FIELDS_LISTED = 8


def annotation_path(name: str) -> Path:
    """Path of an annotation."""
    return "f:metadata", "f:annotations", f"f:{name}"


LAST_APPLIED_PATH = annotation_path(LAST_APPLIED)
_NOTES = {"Deployment": (LAST_APPLIED, REPLICAS)}
"""Annotations that every object of a kind has; of other kinds only the record of its fields."""
_APPLIED_EMPTY: frozenset[Path] = frozenset(
    {
        ("f:spec", "f:hostnames"),
        ("f:spec", "f:paused"),
        ("f:spec", "f:template", "f:spec", "f:nodeSelector"),
    }
)
"""Fields whose empty value the API may leave out."""


@dataclass(frozen=True)
class FieldChange:
    """A field that differs from what Slipway applied.

    Attributes:
        path: Of the field.
        manager: The field manager that set it, or that last set something beside a removed field.
        is_removed: Whether the field is gone.
        is_equivalent: Whether its value only has another notation, such as `1000m` for `1`.
    """

    path: Path
    manager: str
    is_removed: bool = False
    is_equivalent: bool = False


def changed_fields(live: Manifest) -> tuple[FieldChange, ...]:
    """The fields of an object that Slipway neither owns any more nor finds as it applied them.

    Both is required: the API normalises some values, and a webhook may change one during the
    apply; Slipway still owns such fields. Slipway's own annotations count as changed once another
    manager writes them, since their previous values are not recorded.

    Args:
        live: The object as read. Without a record of what was applied, only annotations count: a
            record that is gone is a change itself.
    """
    return tuple(one for one in conflicts(live) if not one.is_equivalent)


def conflicts(live: Manifest) -> tuple[FieldChange, ...]:
    """The changed fields, and equivalent ones: applying either again would be a conflict.

    Args:
        live: The object as read.
    """
    found = {
        path: FieldChange(path, last_manager(live, path)) for path in foreign_annotations(live)
    }
    found |= {one.path: one for one in _removed_notes(live)}
    applied, owned = read_last_applied(live), applied_fields(live) or {}
    if applied is None or LAST_APPLIED_PATH in found:
        return tuple(found.values())
    for path, value in leaves(applied):
        now = value_at(live, path)
        if now == value or contains(owned, path) or _is_left_out(path, value, now):
            continue
        if now is MISSING:
            removed = _outermost_missing(live, path)
            manager = last_manager(live, removed[:-1])
            found[removed] = FieldChange(removed, manager, is_removed=True)
        else:
            is_equivalent = _is_equivalent(value, now, path)
            found[path] = FieldChange(path, last_manager(live, path), is_equivalent=is_equivalent)
    added = (path for path in added_settings(live, applied) if not contains(owned, path))
    found |= {path: FieldChange(path, last_manager(live, path)) for path in added}
    return tuple(found.values())


def format_changes(live: Manifest, changes: Sequence[FieldChange]) -> str:
    """Object, fields and managers: `Service m-v3: .spec.type set by kubectl-edit`."""
    listed = sorted(changes[:MOST_FIELDS_LISTED], key=lambda one: (one.is_removed, one.manager))
    parts = []
    for (is_removed, manager), group in groupby(
        listed, key=lambda one: (one.is_removed, one.manager)
    ):
        names = ", ".join(format_path(one.path) for one in group)
        parts.append(f"{names} {'removed' if is_removed else 'set'} by {manager}")
    if len(changes) > MOST_FIELDS_LISTED:
        parts.append(f"and {len(changes) - MOST_FIELDS_LISTED} more")
    return f"{live['kind']} {live['metadata']['name']}: {', '.join(parts)}"


def foreign_annotations(live: Manifest) -> list[Path]:
    """Slipway's annotations that another manager wrote, on an object that Slipway applied.

    Args:
        live: The object as read.
    """
    owned = applied_fields(live)
    if owned is None:
        return []
    names = live["metadata"].get("annotations") or {}
    paths = [annotation_path(name) for name in names if name.startswith(ANNOTATION_PREFIX)]
    return [path for path in paths if not contains(owned, path)]


def _removed_notes(live: Manifest) -> Iterator[FieldChange]:
    """Slipway's annotations that are gone from an object that it applied."""
    if applied_fields(live) is not None:
        names = live["metadata"].get("annotations") or {}
        for name in _NOTES.get(live["kind"], (LAST_APPLIED,)):
            if name not in names:
                path = annotation_path(name)
                yield FieldChange(path, last_manager(live, path[:-1]), is_removed=True)


def _is_left_out(path: Path, applied: Any, now: Any) -> bool:
    return now is MISSING and not applied and path in _APPLIED_EMPTY


def _outermost_missing(live: Manifest, path: Path) -> Path:
    lengths = range(1, len(path))
    return next((path[:n] for n in lengths if value_at(live, path[:n]) is MISSING), path)


def _is_equivalent(applied: Any, now: Any, path: Path) -> bool:
    if "f:resources" not in path or not (isinstance(applied, str) and isinstance(now, str)):
        return False
    try:
        return math.isclose(parse_quantity(applied), parse_quantity(now))
    except ValueError:
        return False
