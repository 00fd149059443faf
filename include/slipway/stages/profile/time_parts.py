"""Find columns that have a time in parts: a year, a month, a day, an hour, a minute."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from slipway.stages.profile.measured import Column
from slipway.stages.profile.names import EVENTS, LATER
from slipway.stages.profile.part_names import said_part
from slipway.values.bad_value import BadValue
from slipway.values.date_parts import DatePart, part_text

MOST_MISSING = 0.02
"""Share of rows without an event time, which are bad rows, up to which columns have it."""

_OF_THINGS = frozenset(
    {"birth", "born", "dob", "built", "blt", "build", "made", "model", "release", "released"}
    | {"vintage", "founded", "remod", "renovated", "construction", "registration", "expiration"}
)
"""Words that say of what a year is, which is no moment of a row."""

_EARLIEST, _LATEST = 1800, 2100
_FEW = 0.005
_DAYS_OF_A_WEEK, _SOME_ROWS = 7, 50

Family = dict[DatePart, Column]


def families(columns: Mapping[str, Column], *, but: Collection[str]) -> list[Family]:
    """Return the columns with parts of one time, by part; the likeliest event time first.

    Columns belong together whose names differ in the part alone: `YrSold` and `MoSold`.

    Args:
        columns: Columns of the file.
        but: Columns that are something else.
    """
    found: dict[tuple[str, ...], Family] = {}
    for name, one in columns.items():
        said = None if name in but else said_part(name)
        if said is not None and _fits(one, said[0]):
            found.setdefault(said[1], {}).setdefault(*(said[0], one))
    ranked = sorted(
        (rest for rest in found if not set(rest) & (_OF_THINGS | (LATER - {"arrival"}))),
        key=lambda rest: (
            # What arrives does so later than what departs.
            bool(set(rest) & LATER),
            -min(len(found[rest]), 3),
            bool(rest) and not set(rest) & EVENTS,
        ),
    )
    return [found[rest] for rest in ranked]


def of_day(family: Family) -> tuple[DatePart, ...]:
    """Return the parts of a family that make a day, or the first one of a month or a year."""
    if "year" not in family:
        return ()
    if "month" not in family:
        return ("year", "day_of_year") if "day_of_year" in family else ("year",)
    return ("year", "month", "day") if "day" in family else ("year", "month")


def of_clock(family: Family) -> tuple[DatePart, ...]:
    """Return the parts of a family that make a time of day."""
    listed: tuple[DatePart, ...] = ("hour", "minute", "second")
    count = next((at for at, one in enumerate(listed) if one not in family), len(listed))
    return listed[:count]


def is_in_order(column: Column) -> bool:
    """Return whether the values of a column never fall, or never rise, and are several."""
    known = column.sample.dropna()
    is_sorted = known.is_monotonic_increasing or known.is_monotonic_decreasing
    return bool(is_sorted) and column.distinct > 1


def is_of_a_panel(year: Column, columns: Mapping[str, Column]) -> bool:
    """Return whether things are told year by year: each of them has each year once.

    Args:
        year: Column of years.
        columns: All columns.
    """
    import pandas as pd

    for one in columns.values():
        is_thing = one.type == "string" or (
            one.type == "integer" and one.name.lower().endswith("id")
        )
        if is_thing and one.known == len(one.sample) and 1 < one.distinct <= one.known / 2:
            pairs = pd.DataFrame({"thing": one.sample, "year": year.sample})
            if not pairs.duplicated().any():
                return True
    return False


def _fits(column: Column, part: DatePart) -> bool:
    """Whether the values of a column are such parts, few bad ones aside."""
    if column.type not in {"integer", "string"} or column.missing_share >= MOST_MISSING:
        return False
    numbers = dict(_numbers(column, part))
    bad = column.known - sum(numbers.values())
    if not numbers or bad > _FEW * column.known:
        return False
    if part == "year":
        return all(_EARLIEST <= one <= _LATEST for one in numbers)
    is_weekday = part == "day" and len(numbers) > 1 and max(numbers) <= _DAYS_OF_A_WEEK
    return not (is_weekday and column.known >= _SOME_ROWS)


def _numbers(column: Column, part: DatePart) -> Iterator[tuple[int, int]]:
    """Numbers of a part with the rows that have them."""
    rows: dict[int, int] = {}
    for value, count in zip(column.counts.index.tolist(), column.counts.tolist(), strict=True):
        try:
            text = part_text(part, value)
        except BadValue:
            continue
        if text is not None:
            rows[int(text)] = rows.get(int(text), 0) + count
    return iter(rows.items())
