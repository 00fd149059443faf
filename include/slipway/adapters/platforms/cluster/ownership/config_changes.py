"""The ConfigMap that servers read their settings from: what changed of it; pure.

It is the installation's and not ours, so nothing but what it held tells an edit.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from slipway.adapters.platforms.cluster.ownership.field_diff import Lost
from slipway.adapters.platforms.cluster.ownership.managed_fields import Manifest, set_by

DIGEST_CHARACTERS = 12


def digests(config: Manifest) -> dict[str, str]:
    """What a ConfigMap holds, without its values: a digest by entry."""
    data: Mapping[str, str] = config.get("data") or {}
    return {
        key: hashlib.sha256(value.encode()).hexdigest()[:DIGEST_CHARACTERS]
        for key, value in sorted(data.items())
    }


def changed(config: Manifest, before: Mapping[str, str]) -> tuple[Lost, ...]:
    """The entries of a ConfigMap that are not what they were.

    Args:
        config: As it was read.
        before: Its digests, as they were.
    """
    now = digests(config)
    found = []
    for key in sorted({*now, *before}):
        if now.get(key) != before.get(key):
            path, is_gone = ("f:data", f"f:{key}"), key not in now
            found.append(Lost(path, set_by(config, path[:1] if is_gone else path), is_gone))
    return tuple(found)
