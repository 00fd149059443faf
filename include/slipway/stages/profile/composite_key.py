"""Find the fewest columns that identify a row together, among those that may."""

from __future__ import annotations

import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import combinations, product
from typing import TYPE_CHECKING

from slipway.stages.profile.event_time import TimeGuess
from slipway.stages.profile.identifier_names import is_row_number, strength
from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import LATER, has_word

if TYPE_CHECKING:
    import pandas as pd

LONGEST_KEY = 4
LOOKED_FOR = "names, codes, times or counts together"
"""What may be part of a key of several columns, for messages."""

_LONGEST_BY_CHANCE = 3
"""Parts of which a time, or codes alone, make a key; more must be no chance."""

_MOST_BEFORE_A_COUNTER = 2
_MOST_CANDIDATES = 7
_MOST_COUNTERS = 10
_FEWEST_ROWS = 20
_CALENDAR = frozenset({"year", "month", "week", "quarter"})
_EXPECTED_REPEATS = 3
"""Repeats that independent columns would have; with fewer, that there are none tells nothing."""

_WHOLE = 0.9
"""Share of the pairs of a panel that have a row."""

_NEARLY_UNIQUE = 0.9
_COUNTS_FROM = (0, 1)

Unit = tuple[Column, ...]


def find_together(
    columns: Mapping[str, Column], time: TimeGuess, rows: int
) -> tuple[str, ...] | None:
    """Return the fewest columns that identify a row together; None if none do.

    Parts are times and parts of dates, codes, and texts that repeat; never measured numbers. A
    whole number is one if it counts the rows that are equal in the others, as a visit or a line
    does. A time identifies rows with any of them; without one, a code or a part of a date is among
    the parts, and more rows than chance would let be different.

    Args:
        columns: Columns that may be parts.
        time: Event time.
        rows: Rows of the sample.
    """
    if rows < _FEWEST_ROWS:
        return None
    whole = {name: one for name, one in columns.items() if one.known == rows}
    units = list(_units(whole, time))
    for length in range(1, LONGEST_KEY + 1):
        for chosen in map(_flat, combinations(units, length)):
            if _may_identify(chosen, time, rows) and not _frame(chosen).duplicated().any():
                return _in_order(chosen)
    return _whole_grid(whole, rows) or _with_counter(whole, units, time)


def longer_keys(
    columns: Mapping[str, Column], key: Collection[str], time: TimeGuess, rows: int
) -> list[tuple[str, ...]]:
    """Return keys of one column more than one that the whole file repeats, the likeliest first.

    A sample of every third row shows no repeats where the rows alternate, as by sex.

    Args:
        columns: Columns that may be parts.
        key: Key that repeats.
        time: Event time.
        rows: Rows of the whole file.
    """
    if len(key) >= LONGEST_KEY or not set(key) <= set(columns):
        return []
    parts = [columns[name] for name in key]
    whole = {name: one for name, one in columns.items() if one.known == len(one.sample)}
    more = [one for unit in _units(whole, time) if len(unit) == 1 for one in unit]
    return [
        _in_order([*parts, one])
        for one in more
        if one.name not in key and _may_identify([*parts, one], time, rows)
    ]


def _units(columns: Mapping[str, Column], time: TimeGuess) -> Iterator[Unit]:
    """Candidates, the likeliest first; a day in parts is one of them."""
    named = [columns[name] for name in time.columns if name in columns]
    if time.of_parts and len(named) == len(time.columns):
        yield tuple(named)
    single = [one for one in columns.values() if _is_part(one, time) and _is_no_unique(one, time)]
    single.sort(
        key=lambda one: (
            one.name not in time.columns,
            -strength(one),
            not _is_of_calendar(one),
            -one.distinct,
        )
    )
    yield from ((one,) for one in single[:_MOST_CANDIDATES])


def _is_part(column: Column, time: TimeGuess) -> bool:
    if time.of_parts and column.name in time.columns:
        return False
    if column.name in time.columns or column.type == "timestamp":
        return not has_word(column.name, LATER)
    is_code = column.type == "integer" and bool(strength(column))
    return not is_row_number(column) and (
        is_code or column.type == "string" or _is_of_calendar(column)
    )


def _is_no_unique(column: Column, time: TimeGuess) -> bool:
    """Whether a column needs others: with one that is unique alone, others add nothing."""
    is_time = column.type == "timestamp" or column.name in time.columns
    return is_time or not column.is_unique


def _is_of_calendar(column: Column) -> bool:
    return column.type == "integer" and has_word(column.name, _CALENDAR)


def _may_identify(chosen: Sequence[Column], time: TimeGuess, rows: int) -> bool:
    cells = math.prod(one.distinct for one in chosen)
    if cells < rows:
        return False
    is_timed = any(one.type == "timestamp" or one.name in time.columns for one in chosen)
    if len(chosen) <= _LONGEST_BY_CHANCE and (is_timed or all(strength(one) for one in chosen)):
        return True
    is_anchored = is_timed or any(strength(one) or _is_of_calendar(one) for one in chosen)
    is_chance = rows * rows / (2 * cells) < _EXPECTED_REPEATS
    return is_anchored and not is_chance and not any(map(_is_prose, chosen))


def _is_prose(column: Column) -> bool:
    """Whether nearly each text is another one, so that any other column would seem to help."""
    return column.distinct_share > _NEARLY_UNIQUE and not strength(column)


def _with_counter(
    columns: Mapping[str, Column], units: Sequence[Unit], time: TimeGuess
) -> tuple[str, ...] | None:
    """Parts with a whole number that counts the rows which are equal in them."""
    parts = {one.name for unit in units for one in unit}
    counters = [
        one
        for one in columns.values()
        if one.type == "integer" and one.name not in parts and one.distinct > 1
        if one.name not in time.columns and one.counts.index.min() in _COUNTS_FROM
    ]
    for length in range(1, _MOST_BEFORE_A_COUNTER + 1):
        for chosen in map(_flat, combinations(units, length)):
            is_anchored = any(
                strength(one) or one.name in time.columns or one.type == "timestamp"
                for one in chosen
            )
            for counter in counters[:_MOST_COUNTERS] if is_anchored else ():
                if _counts_within(counter, chosen):
                    return _in_order([*chosen, counter])
    return None


def _counts_within(counter: Column, parts: Sequence[Column]) -> bool:
    frame = _frame([*parts, counter])
    if frame.duplicated().any():
        return False
    groups = frame.groupby([one.name for one in parts], sort=False)[counter.name]
    first, last, size = groups.min(), groups.max(), groups.size()
    starts = first.iloc[0]
    return bool((first == starts).all() and (last - first + 1 == size).all() and (size > 1).any())


def _whole_grid(columns: Mapping[str, Column], rows: int) -> tuple[str, ...] | None:
    """A whole number with a part of the calendar, where nearly each pair of both is one row.

    So are panels of things that have numbers and no name which says so.
    """
    calendar = [one for one in columns.values() if _is_of_calendar(one)]
    numbers = [one for one in columns.values() if one.type == "integer" and one not in calendar]
    for when, thing in product(calendar, numbers):
        cells = when.distinct * thing.distinct
        is_grid = when.distinct > 1 < thing.distinct and _WHOLE * cells <= rows <= cells
        is_chance = rows * rows / (2 * max(1, cells)) < _EXPECTED_REPEATS
        if is_grid and not is_chance and not _frame([when, thing]).duplicated().any():
            return _in_order([when, thing])
    return None


def _flat(units: Sequence[Unit]) -> list[Column]:
    return [one for unit in units for one in unit]


def _in_order(columns: Sequence[Column]) -> tuple[str, ...]:
    return tuple(one.name for one in sorted(columns, key=lambda one: one.position))


def _frame(columns: Sequence[Column]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame({one.name: one.sample for one in columns})
