"""Fields that we set and that somebody else has changed since, found by reading an object; pure.

What nobody but us ever said is no matter of ours: a sidecar, a label, a status, the annotation of a
restart. Neither is a field that still is as we set it, whoever set it last.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from slipway.adapters.platforms.cluster.manifests.last_applied import APPLIED, noted
from slipway.adapters.platforms.cluster.manifests.names import FIELD_MANAGER
from slipway.adapters.platforms.cluster.manifests.resources import amount
from slipway.adapters.platforms.cluster.ownership.field_paths import (
    MISSING,
    Path,
    holds,
    leaves,
    spoken,
    value_at,
)
from slipway.adapters.platforms.cluster.ownership.managed_fields import Manifest, ours, set_by

OWN = f"f:{FIELD_MANAGER}/"
MOST_TOLD = 8


def annotation(name: str) -> Path:
    """Where an annotation is."""
    return "f:metadata", "f:annotations", f"f:{name}"


NOTE = annotation(APPLIED)


@dataclass(frozen=True)
class Lost:
    """A field that is not as we set it.

    Attributes:
        path: Where it is.
        by: Who set it, or who last set something beside it where it is gone.
        is_gone: Whether it is not there any more.
        is_same: Whether it says the same as before, in other words.
    """

    path: Path
    by: str
    is_gone: bool = False
    is_same: bool = False


def lost(live: Manifest) -> tuple[Lost, ...]:
    """The fields of an object that are neither ours any more nor as we set them.

    Both is needed: the API writes some values in its own way, and a webhook may change one while
    we apply it; such fields are still ours. What somebody set back is theirs, and as it was.
    Of our annotations nobody else may write any: what it was, nothing tells.

    Args:
        live: As it was read. One without a note of what we applied has lost nothing else.
    """
    return tuple(one for one in astray(live) if not one.is_same)


def astray(live: Manifest) -> tuple[Lost, ...]:
    """These, and what was set back in other words: to apply it again would be a conflict.

    Args:
        live: As it was read.
    """
    found = {path: Lost(path, set_by(live, path)) for path in taken_over(live)}
    said, fields = noted(live), ours(live) or {}
    if said is None or NOTE in found:
        return tuple(found.values())
    for path, value in leaves(said):
        now = value_at(live, path)
        if now == value or holds(fields, path):
            continue
        if now is MISSING:
            gone = _gone(live, path)
            found[gone] = Lost(gone, set_by(live, gone[:-1]), is_gone=True)
        else:
            found[path] = Lost(path, set_by(live, path), is_same=_is_same(value, now, path))
    return tuple(found.values())


def in_words(live: Manifest, fields: Sequence[Lost]) -> str:
    """Which object, which fields, and who: `Service m-v3: .spec.type set by kubectl-edit`."""
    told = sorted(fields[:MOST_TOLD], key=lambda one: (one.is_gone, one.by))
    said = []
    for (is_gone, by), group in groupby(told, key=lambda one: (one.is_gone, one.by)):
        names = ", ".join(spoken(one.path) for one in group)
        said.append(f"{names} {'removed' if is_gone else 'set'} by {by}")
    if len(fields) > MOST_TOLD:
        said.append(f"and {len(fields) - MOST_TOLD} more")
    return f"{live['kind']} {live['metadata']['name']}: {', '.join(said)}"


def taken_over(live: Manifest) -> list[Path]:
    """Our own annotations that somebody else wrote on an object that is ours otherwise.

    Args:
        live: As it was read.
    """
    fields = ours(live)
    if fields is None:
        return []
    found = (annotation(name) for name in live["metadata"].get("annotations") or {})
    words = [path for path in found if path[-1].startswith(OWN)]
    return [path for path in words if not holds(fields, path)]


def _gone(live: Manifest, path: Path) -> Path:
    """The outermost part of a path that is not there."""
    lengths = range(1, len(path))
    return next((path[:n] for n in lengths if value_at(live, path[:n]) is MISSING), path)


def _is_same(said: Any, now: Any, path: Path) -> bool:
    if "f:resources" not in path or not (isinstance(said, str) and isinstance(now, str)):
        return False
    # The API writes quantities in its own way: `1000m` is `1`.
    try:
        return math.isclose(amount(said), amount(now))
    except ValueError:
        return False
