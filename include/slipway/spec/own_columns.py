"""Names of the columns that Slipway adds to a dataset's tables, files and frames.

They begin with `_`, and so may a user's other columns: `_id`, `__index_level_0__`.
"""

from __future__ import annotations

OWN_COLUMNS = frozenset(
    {
        # In tables.
        *("_batch", "_revision", "_delivery", "_available_at", "_partition", "_features"),
        # In quarantine, in a version's reference, and while keys are compared.
        *("_reason", "_line", "_text", "_part", "_score", "_inside", "_batch_other"),
        # Made from a row or its delivery.
        *("_key", "_row", "_event_time", "_arrival"),
        # Of Delta Lake's change data.
        *("_change_type", "_commit_version", "_commit_timestamp"),
    }
)
"""In lower case, since a table takes names that differ only in case for one."""

OWN_PREFIXES = ("_slipway", "_score_", "_feature_")
"""Of names that come later, of the scores of several classes, and of features in a log."""


def is_own_column(name: str) -> bool:
    """Return whether a name is taken, or kept for later."""
    plain = name.casefold()
    return plain in OWN_COLUMNS or plain.startswith(OWN_PREFIXES)
