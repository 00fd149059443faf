"""Tell by a column's name, and by whether it counts rows, that it identifies rows or does not."""

from __future__ import annotations

from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import IDENTIFIERS, ROW_NUMBERS, STRONG_IDENTIFIERS, words

_NUMBERED = ("nr", "nummer", "number", "num", "code")


def strength(column: Column) -> int:
    """Return how surely a name says that it identifies rows: 2, 1, or 0 if it does not."""
    said = words(column.name)
    lower = column.name.lower()
    if any(one in STRONG_IDENTIFIERS for one in said) or lower.endswith("id"):
        return 2
    return int(any(one in IDENTIFIERS for one in said) or lower.endswith(_NUMBERED))


def is_row_number(column: Column) -> bool:
    """Return whether a column counts the rows of the file, and so identifies nothing beyond it."""
    return column.is_counter and all(
        one in ROW_NUMBERS or one.isdigit() for one in words(column.name)
    )
