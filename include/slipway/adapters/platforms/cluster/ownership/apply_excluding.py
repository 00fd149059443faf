"""What can be applied to an object again, beside what somebody else has made of it; pure."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from slipway.adapters.platforms.cluster.manifests.last_applied import noted
from slipway.adapters.platforms.cluster.ownership.field_diff import NOTE, astray, taken_over
from slipway.adapters.platforms.cluster.ownership.field_paths import (
    Path,
    holds,
    leaves,
    ordered,
    without,
)
from slipway.adapters.platforms.cluster.ownership.managed_fields import Manifest, applied, ours


def last_applied(live: Manifest) -> dict[str, Any] | None:
    """What we applied of an object last; where no note of ours says it, what is still ours of that.

    Its lists have the order that they have: another one would start servers anew.

    Args:
        live: As it was read.
    """
    said = None if NOTE in taken_over(live) else noted(live)
    return applied(live) if said is None else dict(ordered(said, live))


def round_edits(
    manifest: Manifest, live: Manifest, *, but: Collection[Path] = ()
) -> dict[str, Any]:
    """What can be applied of a manifest without overwriting what somebody else has taken over.

    Args:
        manifest: All that we would say.
        live: The object, as it was read.
        but: Fields that are said all the same.
    """
    left = {one.path for one in astray(live)}
    if NOTE in left:
        # Nothing tells what it was, so nothing is said but what is ours beyond doubt.
        fields, labels = ours(live) or {}, {"labels": manifest["metadata"]["labels"]}
        said = {"metadata": labels, "spec": manifest["spec"]}
        left |= {path for path, _ in leaves(said) if not holds(fields, path)}
    return dict(without(manifest, left - set(but)))
