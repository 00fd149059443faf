"""Guess what identifies a row and when it happened: key and event time."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import (
    EVENTS,
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
_CLOCKS: Mapping[str, str] = {"hr": "%H", "hour": "%H", "hourofday": "%H", "hh": "%H"}
_HOURS, _MINUTES = 24, 60
_NUMBERED = ("nr", "nummer", "number", "num", "code")
_MOST_MISSING = 0.02
"""Share of rows without an event time, which are bad rows, up to which a column has it."""


@dataclass(frozen=True)
class KeyGuess:
    """What identifies a row.

    Attributes:
        columns: One column, several, or none: the row as a whole.
        why: Why.
    """

    columns: tuple[str, ...]
    why: str


@dataclass(frozen=True)
class TimeGuess:
    """When a row happened.

    Attributes:
        columns: One column, the day and the time of day, or none: the arrival.
        why: Why.
        date_format: Form of the day, of two columns.
        time_format: Form of the time of day, of two columns.
    """

    columns: tuple[str, ...]
    why: str
    date_format: str | None = None
    time_format: str | None = None


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
    candidates = [one for one in columns.values() if one.known == rows and _is_part(one, time)]
    candidates.sort(key=lambda one: (one.name not in time.columns, -_strength(one), -one.distinct))
    for length in range(1, LONGEST_KEY + 1):
        for chosen in combinations(candidates[:_MOST_CANDIDATES], length):
            has_time = any(one.type == "timestamp" or one.name in time.columns for one in chosen)
            if not (has_time or all(map(_strength, chosen))) or _product(chosen) < rows:
                continue
            if not _frame(chosen).duplicated().any():
                return tuple(one.name for one in sorted(chosen, key=lambda one: one.position))
    return None


def _is_part(column: Column, time: TimeGuess) -> bool:
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


def guess_event_time(columns: Mapping[str, Column], *, but: Sequence[str]) -> TimeGuess:
    """Return the event time: a column, a day and a time of day in two, or the arrival.

    Args:
        columns: Columns of the file.
        but: Columns that are something else.
    """
    times = [
        one
        for name, one in columns.items()
        if one.type == "timestamp" and name not in but and one.missing_share < _MOST_MISSING
    ]
    # The first of equals, since what happens later stands further right.
    times.sort(
        key=lambda one: (has_word(one.name, LATER), not has_word(one.name, EVENTS), _late(one))
    )
    times = [one for one in times if one.distinct > 1 and not _is_birth(one)]
    if not times:
        return TimeGuess((), "no column has the time of a row: that of its delivery counts")
    best = times[0]
    if best.guess.is_day and (clock := _clock(columns, but=(*but, best.name))) is not None:
        other, form = clock
        # A day of a form of its own has it on its column; the two columns have one zone.
        why = "one column has the day and another the time of day"
        return TimeGuess((best.name, other), why, time_format=form)
    others = ", ".join(one.name for one in times[1:])
    return TimeGuess(
        (best.name,), f"its values are times{f'; others are {others}' if others else ''}"
    )


def _late(column: Column) -> tuple[int, int]:
    return (-min(column.distinct, 1000) if column.guess.is_day else -1000, column.position)


def _is_birth(column: Column) -> bool:
    return has_word(column.name, {"birth", "born", "dob", "birthday", "birthdate"})


def _clock(columns: Mapping[str, Column], *, but: Sequence[str]) -> tuple[str, str | None] | None:
    """The column with the time of day, and its form."""
    for name, one in columns.items():
        if name in but or one.missing_share >= _MOST_MISSING:
            continue
        form = _hours(one) if one.type == "integer" else _clock_texts(one)
        if form is not None:
            return name, form or None
    return None


def _hours(column: Column) -> str | None:
    form = _CLOCKS.get("".join(words(column.name)))
    low, high = column.sample.min(), column.sample.max()
    if form is not None and low >= 0 and high < _HOURS:
        return form
    is_named = has_word(column.name, {"time", "hhmm"})
    fits = (
        low >= 0
        and _MINUTES <= high < _HOURS * 100
        and bool((column.sample.dropna() % 100 < _MINUTES).all())
    )
    return "%H%M" if is_named and fits else None


def _clock_texts(column: Column) -> str | None:
    """Form of a column of texts such as 14:05; empty where they are ISO 8601."""
    from datetime import datetime

    if column.type != "string":
        return None
    for form, spelled in (
        ("%H:%M:%S", ""),
        ("%H:%M", ""),
        ("%H.%M.%S", "%H.%M.%S"),
        ("%I:%M %p",) * 2,
    ):
        try:
            for text in column.shapes():
                datetime.strptime(text.strip(), form)  # noqa: DTZ007 - only whether it is one
        except ValueError:
            continue
        return spelled
    return None
