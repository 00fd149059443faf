"""Model that a version ships: the one that was judged, or its refit on all labelled rows.

The manifest of a refit has no holdout of its own; it keeps that of the judged model.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from slipway.records.verdicts import Verdict

REFIT, REFITTED = "refit", "refitted"
"""Stage that fits the judged model again, and its verdict where a refit came of it."""

TRAIN = "train"

SHIP, JUDGED = "ship", "judged"
"""Entries of a refit's manifest: `refit`, and the facts about the judged model."""

RANDOM_HOLDOUT = "random_holdout"
"""Entry of a version's manifest; absent where rows were split by time, and of a refit."""

_OF_JUDGED = (
    *("training_rows", "training_start", "training_end"),
    *("holdout_rows", "holdout_start", "holdout_end"),
    RANDOM_HOLDOUT,
)


def shipping_stage(verdicts: Mapping[str, Verdict]) -> str:
    """Return the stage of a run that made the version's folder.

    Args:
        verdicts: Verdicts of the run by stage.
    """
    refit = verdicts.get(REFIT)
    return REFIT if refit is not None and refit.action == REFITTED else TRAIN


def judged_facts(manifest: Mapping[str, Any], *, sha256: str) -> dict[str, Any]:
    """Return the facts about a judged model that the manifest of its refit keeps.

    Args:
        manifest: Manifest of the judged model.
        sha256: Digest of that manifest.
    """
    kept = {name: manifest[name] for name in _OF_JUDGED if name in manifest}
    return {"manifest_sha256": sha256, **kept}


def as_judged(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Return a manifest with rows and times of the model that the gates judged."""
    return {**manifest, **manifest.get(JUDGED, {})}
