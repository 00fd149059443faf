"""Columns of the prediction log and the score table, and the names of features in them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

OUTLIER_SCORE = "outlier_score"
"""How unusual a row is, of versions that tell it."""

LOGGED_COLUMNS = frozenset(
    {"request_id", "row", "key", "event_time", "received_at", "version", "score", "scored_at"}
    | {OUTLIER_SCORE}
)
"""Their own columns, beside the raw features."""

CLASS_COLUMNS = frozenset({"label", "scores"})
"""Further ones of a multi-class model."""

FEATURE_PREFIX = "_feature_"


def logged_name(feature: str, *, multiclass: bool) -> str:
    """Return the name of a feature's column: its own, unless that is taken.

    Args:
        feature: Name of the raw feature.
        multiclass: Whether the model has more than two classes.
    """
    taken = LOGGED_COLUMNS | CLASS_COLUMNS if multiclass else LOGGED_COLUMNS
    # Delta Lake takes names that differ only in case for one.
    return f"{FEATURE_PREFIX}{feature}" if feature.casefold() in taken else feature


def logged_names(manifest: Mapping[str, Any]) -> dict[str, str]:
    """Return the names of the columns of a version's features, by the features' own."""
    multiclass = manifest.get("task") == "multiclass"
    names = (one["name"] for one in manifest["features"])
    return {name: logged_name(name, multiclass=multiclass) for name in names}
