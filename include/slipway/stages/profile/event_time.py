"""Guess when a row happened: one column, several with parts of the time, or its arrival."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from slipway.stages.profile.measured import Column, to_series
from slipway.stages.profile.names import (
    AFTERWARDS,
    EVENTS,
    LATER,
    PERHAPS_AFTERWARDS,
    has_word,
    words,
)
from slipway.stages.profile.time_parts import (
    MOST_MISSING,
    families,
    is_in_order,
    is_of_a_panel,
    of_clock,
    of_day,
)
from slipway.values.date_and_time import DateAndTimeForm, Part
from slipway.values.moments import moments

if TYPE_CHECKING:
    import pandas as pd

_CLOCKS: Mapping[str, str] = {"hr": "%H", "hour": "%H", "hourofday": "%H", "hh": "%H"}
_HOURS, _MINUTES = 24, 60
_OF_A_RECORD = frozenset(
    {"year", "yr", "yyyy", "jahr", "anno", "jaar", "annee", "fiscal", "calendar", "financial"}
    | {"survey", "observation", "obs", "reference", "reporting", "the", "data"}
)
"""Words of a year that is the year of a row."""


@dataclass(frozen=True)
class TimeGuess:
    """When a row happened.

    Attributes:
        columns: One column with the whole time, several with parts of it, or none: the arrival.
        why: Why.
        parts: What each column has, where none has the whole time.
        time_format: Form of the time of day, where a column has that.
    """

    columns: tuple[str, ...]
    why: str
    parts: tuple[Part, ...] = ()
    time_format: str | None = None

    @property
    def of_parts(self) -> bool:
        """Whether the day is in parts."""
        return "year" in self.parts


def guess_event_time(
    columns: Mapping[str, Column], *, but: Sequence[str], is_told: bool = False
) -> TimeGuess:
    """Return the event time: a column, several with parts of it, or the arrival.

    Args:
        columns: Columns of the file.
        but: Columns that are something else.
        is_told: Whether a person named the columns, so that nothing else has to tell.
    """
    times = [
        one
        for name, one in columns.items()
        if one.type == "timestamp" and name not in but and one.missing_share < MOST_MISSING
    ]
    # The first of equals, since what happens later stands further right.
    times.sort(
        key=lambda one: (has_word(one.name, LATER), not has_word(one.name, EVENTS), _late(one))
    )
    times = [one for one in times if one.distinct > 1 and not _is_birth(one)]
    others = f"; others are {', '.join(one.name for one in times[1:])}" if times[1:] else ""
    if not times or has_word(times[0].name, LATER | AFTERWARDS | PERHAPS_AFTERWARDS):
        in_parts = _in_parts(columns, but=but, is_told=is_told)
        if in_parts is not None and (not times or len(in_parts.columns) > 1):
            return _beside(in_parts, times)
    if not times:
        return TimeGuess((), "no column has the time of a row: that of its delivery counts")
    best = times[0]
    if best.guess.is_day:
        # A day of a form of its own has it on its column; all columns have one zone.
        why = "one column has the day and another the time of day"
        clock = _hour_and_minute(columns, but=but)
        if len(clock) > 1:
            names = tuple(one.name for one in clock.values())
            return TimeGuess((best.name, *names), why, parts=("date", *clock))
        if (found := _clock(columns, but=(*but, best.name))) is not None:
            return TimeGuess((best.name, found[0]), why, ("date", "time"), found[1])
    return TimeGuess((best.name,), f"its values are times{others}")


def time_of_key(columns: Mapping[str, Column], key: Collection[str], time: TimeGuess) -> TimeGuess:
    """Return the event time, a year of the key where nothing else has one.

    What has several rows a year, as of each age and sex, is a panel by its key alone; its years may
    lie ahead, as those of projections do.

    Args:
        columns: Columns of the file.
        key: Columns that identify a row.
        time: Event time as it was found without the key.
    """
    if time.columns or len(key) < 2:  # noqa: PLR2004 - a year beside what it is of
        return time
    for family in families(columns, but=[name for name in columns if name not in key]):
        day = of_day(family)
        if day and is_bare(family["year"]):
            chosen = tuple(family[part].name for part in day)
            return TimeGuess(chosen, "it has the year of a row", day)
    return time


def _beside(guess: TimeGuess, times: Sequence[Column]) -> TimeGuess:
    """A guess that says which columns of times it was preferred to."""
    if not times:
        return guess
    named = ", ".join(one.name for one in times)
    return replace(guess, why=f"{guess.why}; by its name, {named} is known later")


def _in_parts(
    columns: Mapping[str, Column], *, but: Sequence[str], is_told: bool
) -> TimeGuess | None:
    """The event time of a year, a month and what else there is; None without one."""
    for family in families(columns, but=but):
        day = of_day(family)
        if not day or (len(day) == 1 and not is_told and not _tells_time(family["year"], columns)):
            continue
        has_day = day[-1] in {"day", "day_of_year"}
        clock = of_clock(family) if has_day else ()
        named: dict[Part, Column] = {part: family[part] for part in (*day, *clock)}
        chosen = tuple(one.name for one in named.values())
        why = f"these have its {_listed(tuple(named))}"
        if has_day and not clock and (found := _clock(columns, but=(*but, *chosen))) is not None:
            why = "these have its day in parts, and the time of day"
            return TimeGuess((*chosen, found[0]), why, (*day, "time"), found[1])
        return TimeGuess(
            chosen, why if len(chosen) > 1 else "it has the year of a row", (*day, *clock)
        )
    return None


def _tells_time(year: Column, columns: Mapping[str, Column]) -> bool:
    """Whether a year alone is that of the row, and not of something in it."""
    return is_bare(year) and (is_in_order(year) or is_of_a_panel(year, columns))


def is_bare(year: Column) -> bool:
    """Return whether the name of a year says nothing of what the year is of, but the row."""
    return all(one in EVENTS | _OF_A_RECORD for one in words(year.name))


def _hour_and_minute(columns: Mapping[str, Column], *, but: Sequence[str]) -> dict[Part, Column]:
    """Columns of an hour, a minute and a second, from the hour to the finest one that is there."""
    for family in families(columns, but=but):
        if clock := of_clock(family):
            return {part: family[part] for part in clock}
    return {}


def _listed(parts: Sequence[Part]) -> str:
    said = [one.replace("_", " ") for one in parts]
    return f"{', '.join(said[:-1])} and {said[-1]}"


def event_times(columns: Mapping[str, Column], time: TimeGuess) -> pd.Series[Any] | None:
    """Return the event time of each row of the sample; None where it is the arrival.

    Args:
        columns: Columns of the file.
        time: Event time.
    """
    import pyarrow as pa

    if not time.columns:
        return None
    chosen = [columns[name] for name in time.columns]
    if not time.parts:
        return chosen[0].sample
    form = DateAndTimeForm(time_format=time.time_format, parts=time.parts)
    cells = [
        pa.Array.from_pandas(one.sample.astype("Int64") if one.type == "integer" else one.sample)
        for one in chosen
    ]
    return to_series(moments(cells, form).values)


def _late(column: Column) -> tuple[int, int]:
    return (-min(column.distinct, 1000) if column.guess.is_day else -1000, column.position)


def _is_birth(column: Column) -> bool:
    return has_word(column.name, {"birth", "born", "dob", "birthday", "birthdate"})


def _clock(columns: Mapping[str, Column], *, but: Sequence[str]) -> tuple[str, str | None] | None:
    """The column with the time of day, and its form."""
    for name, one in columns.items():
        if name in but or one.missing_share >= MOST_MISSING:
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
