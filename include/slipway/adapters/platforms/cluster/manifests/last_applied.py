"""Record what was applied of an object in an annotation of it; pure.

The manager that edits a field owns it from then on, and the API keeps no earlier value. The record
distinguishes an edit from a later change of the spec, and from an edit that was undone.
"""

from __future__ import annotations

import json
from typing import Any

from slipway.adapters.platforms.cluster.manifests.manifest import Manifest

LAST_APPLIED = "slipway/applied"
"""Annotation of every lasting object: its labels and spec as they were applied last."""

# The number of servers changes with every step, and has an annotation of its own.
_NOT_RECORDED = "replicas"


def record_last_applied(manifest: Manifest) -> dict[str, Any]:
    """A manifest with an annotation that records its labels and spec."""
    metadata = manifest["metadata"]
    spec = {name: value for name, value in manifest["spec"].items() if name != _NOT_RECORDED}
    recorded = {"metadata": {"labels": metadata.get("labels", {})}, "spec": spec}
    text = json.dumps(recorded, sort_keys=True, separators=(",", ":"))
    annotations = {**metadata.get("annotations", {}), LAST_APPLIED: text}
    return {**manifest, "metadata": {**metadata, "annotations": annotations}}


def read_last_applied(live: Manifest) -> dict[str, Any] | None:
    """The manifest that was applied last, from an object's record; None without a valid record.

    Args:
        live: The object as read.
    """
    metadata = live["metadata"]
    try:
        recorded = json.loads((metadata.get("annotations") or {})[LAST_APPLIED])
        labels, spec = dict(recorded["metadata"]["labels"]), dict(recorded["spec"])
    except (KeyError, ValueError, TypeError):
        return None
    about = {key: metadata[key] for key in ("name", "namespace") if key in metadata}
    kind = {key: live[key] for key in ("apiVersion", "kind")}
    return {**kind, "metadata": {**about, "labels": labels}, "spec": spec}
