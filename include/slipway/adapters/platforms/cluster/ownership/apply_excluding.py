"""Leave manual edits out of a manifest that is applied again; pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from slipway.adapters.platforms.cluster.manifests.last_applied import read_last_applied
from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.ownership.field_diff import (
    LAST_APPLIED_PATH,
    conflicts,
    foreign_annotations,
)
from slipway.adapters.platforms.cluster.ownership.field_paths import (
    Path,
    contains,
    leaves,
    ordered_like,
    without,
)
from slipway.adapters.platforms.cluster.ownership.managed_fields import (
    applied_fields,
    applied_manifest,
)


def last_applied(live: Manifest) -> dict[str, Any] | None:
    """The manifest applied last; without a usable record, the part of it that Slipway still owns.

    Its lists keep the order of the live object: another order would restart the servers.

    Args:
        live: The object as read.
    """
    has_record = LAST_APPLIED_PATH not in foreign_annotations(live)
    recorded = read_last_applied(live) if has_record else None
    return applied_manifest(live) if recorded is None else dict(ordered_like(recorded, live))


def exclude_edits(
    manifest: Manifest, live: Manifest, *, keep: Collection[Path] = ()
) -> dict[str, Any]:
    """A manifest without the fields that other managers have changed.

    Args:
        manifest: The whole manifest.
        live: The object as read.
        keep: Fields that stay in the manifest even so.
    """
    excluded = {one.path for one in conflicts(live)}
    if LAST_APPLIED_PATH in excluded:
        # Without a record of what was applied, only fields that Slipway owns for certain stay.
        owned, labels = applied_fields(live) or {}, {"labels": manifest["metadata"]["labels"]}
        fields = {"metadata": labels, "spec": manifest["spec"]}
        excluded |= {path for path, _ in leaves(fields) if not contains(owned, path)}
    return dict(without(manifest, excluded - set(keep)))
