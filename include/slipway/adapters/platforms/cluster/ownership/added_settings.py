"""Find settings that were added to Slipway's own containers; pure."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from slipway.adapters.platforms.cluster.manifests.manifest import Manifest
from slipway.adapters.platforms.cluster.ownership.field_paths import MISSING, Path, value_at

_POD: Path = ("f:spec", "f:template", "f:spec")
_OWN_VARIABLES = "SLIPWAY_"


def added_settings(live: Manifest, applied: Manifest) -> Iterator[Path]:
    """Paths of settings and amounts in Slipway's containers that it leaves out on purpose.

    Other variables are left to webhooks and to agents that instrument servers.

    Args:
        live: The object as read.
        applied: What Slipway applied of it.
    """
    for field in ("f:containers", "f:initContainers"):
        for word, there in _items(value_at(applied, (*_POD, field))):
            path = (*_POD, field, word)
            now = value_at(live, path)
            names = [one["name"] for one in there.get("env") or []]
            for inner, one in _items(value_at(now, ("f:env",))):
                if one["name"].startswith(_OWN_VARIABLES) and one["name"] not in names:
                    yield (*path, "f:env", inner)
            for kind in ("f:requests", "f:limits"):
                amounts = value_at(now, ("f:resources", kind))
                for name in amounts if isinstance(amounts, Mapping) else ():
                    inner_path = ("f:resources", kind, f"f:{name}")
                    if value_at(there, inner_path) is MISSING:
                        yield (*path, *inner_path)


def _items(items: Any) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """The items of a list that is merged by their names, with their words in a path."""
    for one in items if isinstance(items, list) else ():
        if "name" in one:
            yield f"k:{json.dumps({'name': one['name']}, separators=(',', ':'))}", one
