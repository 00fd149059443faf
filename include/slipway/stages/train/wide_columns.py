"""Warn of one-hot encoded columns with very many categories."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.spec.wide_columns import GROUP_THEM, describe_wide


def format_wide(columns: Mapping[str, int]) -> str:
    """Return a warning for the verdict of a training; nothing without such a column.

    Args:
        columns: Number of categories by column.
    """
    if not columns:
        return ""
    return f" Warning: {describe_wide(columns)}, each of them a prepared feature; {GROUP_THEM}."
