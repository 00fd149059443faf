"""Guess what identifies a row: its key."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from slipway.stages.profile.event_time import TimeGuess
from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import (
    IDENTIFIERS,
    LATER,
    ROW_NUMBERS,
    STRONG_IDENTIFIERS,
    has_word,
    words,
)

if TYPE_CHECKING:
    import pandas as pd

LONGEST_KEY = 3
_MOST_CANDIDATES = 7
_ROWS_OF_A_COMBINATION = 20
_LONGEST_IDENTIFIER = 64
_NUMBERED = ("nr", "nummer", "number", "num", "code")


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
    named = sorted(single, key=lambda one: (-_strength(one), one.position))
    if named:
        return KeyGuess((named[0].name,), "each row has a value of its own, and it is named so")
    together = _together(free, time, rows)
    if together is not None:
        alone = len(together) == 1
        why = "no other column identifies a row" if alone else "these identify a row together"
        return KeyGuess(together, f"{why}, and none is named like an identifier")
    return KeyGuess((), "no column identifies a row: a digest of the row does")


def _may_identify(column: Column) -> bool:
    if column.type not in {"integer", "string"} or is_row_number(column):
        return False
    if _strength(column):
        return True
    texts = column.shapes()
    # Codes of one shape, such as 7590-VHVEG; prose and measured numbers are unique by chance.
    is_code = all(len(one) <= _LONGEST_IDENTIFIER and " " not in one for one in texts)
    lengths = {len(one) for one in texts}
    return column.type == "string" and is_code and len(lengths) <= 2 and len(texts) >= 50  # noqa: PLR2004


def _strength(column: Column) -> int:
    """How surely a name says that it identifies rows."""
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


def is_identifier(column: Column) -> bool:
    """Return whether a column names things rather than describing them."""
    if column.type in {"timestamp", "number"}:
        return False
    if is_row_number(column) or (column.is_counter and column.known > _ROWS_OF_A_COMBINATION):
        return True
    if column.type == "string":
        return column.distinct_share > 0.9 and column.known > _ROWS_OF_A_COMBINATION  # noqa: PLR2004
    return bool(_strength(column)) and column.distinct > 50  # noqa: PLR2004 - codes of many things


def _together(columns: Mapping[str, Column], time: TimeGuess, rows: int) -> tuple[str, ...] | None:
    """The fewest columns that identify a row together: times and codes, never measured numbers."""
    if rows < _ROWS_OF_A_COMBINATION:
        return None
    single = [one for one in columns.values() if one.known == rows and _is_part(one, time)]
    single.sort(key=lambda one: (one.name not in time.columns, -_strength(one), -one.distinct))
    candidates = [*_whole_time(columns, time, rows), *((one,) for one in single)]
    for length in range(1, LONGEST_KEY + 1):
        for units in combinations(candidates[:_MOST_CANDIDATES], length):
            chosen = [one for unit in units for one in unit]
            has_time = any(one.type == "timestamp" or one.name in time.columns for one in chosen)
            if not (has_time or all(map(_strength, chosen))) or _product(chosen) < rows:
                continue
            if not _frame(chosen).duplicated().any():
                return tuple(one.name for one in sorted(chosen, key=lambda one: one.position))
    return None


def _whole_time(
    columns: Mapping[str, Column], time: TimeGuess, rows: int
) -> list[tuple[Column, ...]]:
    """Columns of a day in parts, which are one candidate together; none of others."""
    named = [columns[name] for name in time.columns if name in columns]
    is_known = len(named) == len(time.columns) and all(one.known == rows for one in named)
    return [tuple(named)] if time.of_parts and is_known else []


def _is_part(column: Column, time: TimeGuess) -> bool:
    if time.of_parts and column.name in time.columns:
        return False
    if column.name in time.columns or column.type == "timestamp":
        return not has_word(column.name, LATER)
    is_code = column.type == "integer" and bool(_strength(column))
    return not is_row_number(column) and (is_code or column.type == "string" or _is_year(column))


def _is_year(column: Column) -> bool:
    return column.type == "integer" and has_word(column.name, {"year", "month", "week", "quarter"})


def _product(columns: Sequence[Column]) -> float:
    product = 1.0
    for one in columns:
        product *= one.distinct
    return product


def _frame(columns: Sequence[Column]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({one.name: one.sample for one in columns})
