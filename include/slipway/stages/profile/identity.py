"""Guess what identifies a row: its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from slipway.stages.profile.composite_key import LOOKED_FOR, find_together
from slipway.stages.profile.event_time import TimeGuess
from slipway.stages.profile.identifier_names import is_row_number, strength
from slipway.stages.profile.measured import Column

TOGETHER = "they identify a row together, and no column does alone"
"""Why several columns are the key."""

_ROWS_OF_A_COMBINATION = 20
_LONGEST_IDENTIFIER = 64


@dataclass(frozen=True)
class KeyGuess:
    """What identifies a row.

    Attributes:
        columns: One column, several, or none: the row as a whole.
        why: Why.
    """

    columns: tuple[str, ...]
    why: str


def guess_key(
    columns: Mapping[str, Column], *, but: Sequence[str], time: TimeGuess, rows: int
) -> KeyGuess:
    """Return the key: an identifier, several columns that are one together, or the row.

    Args:
        columns: Columns of the file.
        but: Target and personal columns, which identify nothing here.
        time: Event time.
        rows: Rows of the sample.
    """
    free = {name: one for name, one in columns.items() if name not in but}
    single = [one for one in free.values() if one.is_unique and _may_identify(one)]
    named = sorted(single, key=lambda one: (-strength(one), one.position))
    if named:
        what = "it is named so" if strength(named[0]) else "its texts are codes of one form"
        return KeyGuess((named[0].name,), f"each row has a value of its own, and {what}")
    together = find_together(free, time, rows)
    if together is not None:
        if len(together) == 1:
            return KeyGuess(together, "no other column identifies a row")
        return KeyGuess(together, TOGETHER)
    return KeyGuess(
        (), f"no column identifies a row, nor do two to four {LOOKED_FOR}: a digest of it does"
    )


def _may_identify(column: Column) -> bool:
    if column.type not in {"integer", "string"} or is_row_number(column):
        return False
    if strength(column):
        return True
    texts = column.shapes()
    # Codes of one shape, such as 7590-VHVEG; prose and measured numbers are unique by chance.
    is_code = all(len(one) <= _LONGEST_IDENTIFIER and " " not in one for one in texts)
    lengths = {len(one) for one in texts}
    return column.type == "string" and is_code and len(lengths) <= 2 and len(texts) >= 50  # noqa: PLR2004


def is_identifier(column: Column) -> bool:
    """Return whether a column names things rather than describing them."""
    if column.type in {"timestamp", "number"}:
        return False
    if is_row_number(column) or (column.is_counter and column.known > _ROWS_OF_A_COMBINATION):
        return True
    if column.type == "string":
        return column.distinct_share > 0.9 and column.known > _ROWS_OF_A_COMBINATION  # noqa: PLR2004
    return bool(strength(column)) and column.distinct > 50  # noqa: PLR2004 - codes of many things
