"""Fields that we set and that somebody else has changed since, found by reading an object; pure.

What nobody but us ever said is no matter of ours: a sidecar, a label, a status, the annotation of a
restart. Neither is a field that still is as we set it, whoever set it last.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from slipway.adapters.platforms.cluster.fields import (
    MISSING,
    Path,
    holds,
    leaves,
    spoken,
    value_at,
)
from slipway.adapters.platforms.cluster.naming import FIELD_MANAGER
from slipway.adapters.platforms.cluster.noting import APPLIED, noted
from slipway.adapters.platforms.cluster.owned import Manifest, applied, ours, set_by
from slipway.adapters.platforms.cluster.sizing import amount

OWN = f"f:{FIELD_MANAGER}/"
DIGEST_CHARACTERS = 12
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
    """

    path: Path
    by: str
    is_gone: bool = False


def lost(live: Manifest) -> tuple[Lost, ...]:
    """The fields of an object that are neither ours any more nor as we set them.

    Both is needed: the API writes some values in its own way, and a webhook may change one while
    we apply it; such fields are still ours. What somebody set back is theirs, and as it was.
    Of our annotations nobody else may write any: what it was, nothing tells.

    Args:
        live: As it was read. One without a note of what we applied has lost nothing else.
    """
    found = {path: Lost(path, set_by(live, path)) for path in _taken_over(live)}
    said, fields = noted(live), ours(live) or {}
    if said is None or NOTE in found:
        return tuple(found.values())
    for path, value in leaves(said):
        if holds(fields, path):
            continue
        now = value_at(live, path)
        if now is MISSING:
            gone = _gone(live, path)
            found[gone] = Lost(gone, set_by(live, gone[:-1]), is_gone=True)
        elif not _is_same(value, now, path):
            found[path] = Lost(path, set_by(live, path))
    return tuple(found.values())


def last_applied(live: Manifest) -> dict[str, Any] | None:
    """What we applied of an object last; where no note of ours says it, what is still ours of that.

    Args:
        live: As it was read.
    """
    return (None if NOTE in _taken_over(live) else noted(live)) or applied(live)


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


def _taken_over(live: Manifest) -> list[Path]:
    """Our own words, notes included, that somebody else wrote on an object that is ours else."""
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
    if said == now:
        return True
    if "f:resources" not in path or not (isinstance(said, str) and isinstance(now, str)):
        return False
    # The API writes quantities in its own way: `1000m` is `1`.
    try:
        return math.isclose(amount(said), amount(now))
    except ValueError:
        return False
