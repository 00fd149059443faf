"""What was applied of an object, noted on the object itself; pure.

Who edits a field owns it from then on, and the API forgets what it was. The note does not: it tells
an edit from a spec that says something else by now, and from an edit that was set back.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

Manifest = Mapping[str, Any]

APPLIED = "slipway/applied"
"""Annotation of every object that lasts: its labels and spec as they were applied last."""

# Numbers of servers change with every step, and have an annotation of their own.
_UNNOTED = "replicas"


def with_note(manifest: Manifest) -> dict[str, Any]:
    """A manifest that bears the note of itself."""
    metadata = manifest["metadata"]
    spec = {name: value for name, value in manifest["spec"].items() if name != _UNNOTED}
    said = {"metadata": {"labels": metadata.get("labels", {})}, "spec": spec}
    note = json.dumps(said, sort_keys=True, separators=(",", ":"))
    annotations = {**metadata.get("annotations", {}), APPLIED: note}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def noted(live: Manifest) -> dict[str, Any] | None:
    """What was applied of an object last; None where it bears no note that makes sense.

    Args:
        live: As it was read.
    """
    metadata = live["metadata"]
    try:
        said = json.loads((metadata.get("annotations") or {})[APPLIED])
        labels, spec = dict(said["metadata"]["labels"]), dict(said["spec"])
    except (KeyError, ValueError, TypeError):
        return None
    about = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    kind = {key: live[key] for key in ("apiVersion", "kind")}
    return {**kind, "metadata": {**about, "labels": labels}, "spec": spec}
