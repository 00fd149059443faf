"""Find changes of the ConfigMap from which servers read their settings; pure.

The ConfigMap belongs to the installation, so only digests of its entries show that it changed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.ownership.field_diff import FieldChange
from slipway.adapters.platforms.cluster.ownership.managed_fields import last_manager

DIGEST_CHARACTERS = 12


def entry_digests(config: Manifest) -> dict[str, str]:
    """A digest for each entry of a ConfigMap, which does not show its value."""
    data: Mapping[str, str] = config.get("data") or {}
    return {
        key: hashlib.sha256(value.encode()).hexdigest()[:DIGEST_CHARACTERS]
        for key, value in sorted(data.items())
    }


def changed_entries(config: Manifest, before: Mapping[str, str]) -> tuple[FieldChange, ...]:
    """The entries of a ConfigMap that were added, changed or removed.

    Args:
        config: The ConfigMap as read.
        before: Digests of its earlier entries.
    """
    now = entry_digests(config)
    found = []
    for key in sorted({*now, *before}):
        if now.get(key) != before.get(key):
            path, is_removed = ("f:data", f"f:{key}"), key not in now
            manager = last_manager(config, path[:1] if is_removed else path)
            found.append(FieldChange(path, manager, is_removed))
    return tuple(found)
