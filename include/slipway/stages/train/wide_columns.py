"""Warn of one-hot encoded columns with very many categories."""

from __future__ import annotations

from collections.abc import Mapping


def format_wide(columns: Mapping[str, int]) -> str:
    """Return a warning for the verdict of a training; nothing without such a column.

    Args:
        columns: Number of categories by column.
    """
    if not columns:
        return ""
    shown = ", ".join(f"{name} has {size:,} categories" for name, size in columns.items())
    return (
        f" Warning: {shown}, each of them a prepared feature; group rare ones with "
        "`features.encoding: {rare_below: 0.01}`, or encode them by `target`, or by XGBoost's own "
        "`native`."
    )
