"""Turn what obstore lists into entries of the store port."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from slipway.records.store import Entry

if TYPE_CHECKING:
    from obstore import ObjectMeta


def sorted_entries(found: Iterable[ObjectMeta]) -> list[Entry]:
    """Return entries of objects, sorted by key."""
    entries = [
        Entry(
            key=meta["path"],
            size=meta["size"],
            modified=meta["last_modified"],
            # S3's tag depends on the content alone; the time distinguishes two equal writes.
            tag=f"{meta['e_tag']}@{meta['last_modified'].isoformat()}",
        )
        for meta in found
    ]
    return sorted(entries, key=lambda entry: entry.key)
