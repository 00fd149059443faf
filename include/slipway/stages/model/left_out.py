"""Format how many rows a join left out, for the reason of a verdict."""

from __future__ import annotations

from collections.abc import Mapping


def format_left_out(counts: Mapping[str, int]) -> str:
    """Return a sentence with a leading blank, or nothing when no row was left out.

    Args:
        counts: Number of rows by reason, such as `features_without_label`.
    """
    named = [f"{count:,} {reason.replace('_', ' ')}" for reason, count in counts.items() if count]
    return f" Left out: {', '.join(named)}." if named else ""
