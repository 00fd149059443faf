"""Find the columns of a reference that follow its event time: calendar columns and counters.

A month that the reference does not know is no drift, and neither is the next number of a counter.
What such a column should be at a moment is known, so it is compared with that.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.quality.time_parts import TIME_PARTS, TimePart

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

MOST_VALUES = 1500
"""Different values up to which a column may repeat a part of the time; a day has 1440 minutes."""

LEAST_SKILL = 0.98
"""Share of the errors of guessing the commonest value that the part of the time has to avoid."""

FEWEST_ROWS = 50
"""Rows below which nothing is told to follow the time."""

_LEAST_SEEN = 0.5
_COUNTER_VALUES, _COUNTER_CORRELATION = 10, 0.99
_CYCLE_VALUES = 3


@dataclass(frozen=True)
class CalendarColumn:
    """Column that follows the event time.

    Attributes:
        name: Its name.
        part: Part of the time that tells its value; None: the reference shows none that comes
            again, so there is nothing to compare with.
        by_part: Value at each of those parts that the reference has.
        errors: Share of the reference's rows with another value.
    """

    name: str
    part: TimePart | None = None
    by_part: Mapping[int, Any] = field(default_factory=dict)
    errors: float = 0.0


def find_calendar_columns(
    rows: pd.DataFrame,
    times: pd.Series[Any],
    *,
    numeric: Collection[str],
    declared: Collection[str],
    watched: Collection[str] = (),
) -> list[CalendarColumn]:
    """Return the columns of a reference that follow its event time.

    Args:
        rows: Tidied rows of the reference, ordered by event time.
        times: Their event times.
        numeric: Names of the columns that hold numbers.
        declared: Columns that the spec calls `kind: calendar`.
        watched: Columns that the spec compares like any other (`watch: true`).
    """
    names = [str(name) for name in rows]
    if len(rows) < FEWEST_ROWS:
        return [CalendarColumn(name) for name in names if name in declared]
    span = times.iloc[-1] - times.iloc[0]
    parts = {one.name: one.of(times).to_numpy(dtype="int64") for one in TIME_PARTS}
    found = []
    for name in names:
        if name in watched:
            continue
        column = _Column(name, rows[name], is_numeric=name in numeric)
        one = _calendar_column(column, parts, span, is_declared=name in declared)
        if one is not None:
            found.append(one)
    return found


class _Column:
    """Values of a column, by their numbers in sorted order.

    Args:
        name: Its name.
        values: Of shape (n_rows,), ordered by event time.
        is_numeric: Whether they are numbers.
    """

    def __init__(self, name: str, values: pd.Series[Any], *, is_numeric: bool) -> None:
        self.name, self.is_numeric = name, is_numeric
        self.known = values.notna().to_numpy()
        codes, self.distinct = values[self.known].factorize(sort=True)
        self.codes: np.ndarray[Any, Any] = codes

    @property
    def is_counter(self) -> bool:
        """Whether it grows, or falls, with the time."""
        import pandas as pd

        if not self.is_numeric or len(self.distinct) < _COUNTER_VALUES:
            return False
        order = pd.Series(range(len(self.codes)), dtype="float64")
        ranks = pd.Series(self.codes, dtype="float64").rank()
        return abs(float(order.corr(ranks))) >= _COUNTER_CORRELATION


def _calendar_column(
    column: _Column, parts: Mapping[str, Any], span: timedelta, *, is_declared: bool
) -> CalendarColumn | None:
    is_counter = not is_declared and column.is_counter
    if not is_counter and 1 < len(column.distinct) <= MOST_VALUES:
        for part in TIME_PARTS:
            told = _told_by(column, part, parts[part.name][column.known])
            if told is None:
                continue
            if part.comes_again(span) or is_declared:
                return told
            if _goes_round(told, is_numeric=column.is_numeric):
                return CalendarColumn(column.name)
    return CalendarColumn(column.name) if is_declared or is_counter else None


def _told_by(column: _Column, part: TimePart, at: np.ndarray[Any, Any]) -> CalendarColumn | None:
    """The column as a function of a part of the time: of half the rows, held against the others."""
    import numpy as np

    codes, count = column.codes, len(column.distinct)
    half = np.random.default_rng(0).random(len(codes)) < 0.5  # noqa: PLR2004
    parts = int(at.max()) + 1
    table = _counts(at[half], codes[half], parts, count)
    is_known = table.sum(axis=1) > 0
    rest = ~half & is_known[at]
    asked, actual = at[rest], codes[rest]
    if len(actual) == 0 or len(actual) < _LEAST_SEEN * (~half).sum() or is_known.sum() < 2:  # noqa: PLR2004
        return None
    right = float((table.argmax(axis=1)[asked] == actual).mean())
    commonest = float((actual == table.sum(axis=0).argmax()).mean())
    if commonest == 1 or 1 - (1 - right) / (1 - commonest) < LEAST_SKILL:
        return None
    whole = _counts(at, codes, parts, count)
    seen = whole.sum(axis=1).nonzero()[0]
    by_part = {int(one): column.distinct[whole[one].argmax()] for one in seen}
    return CalendarColumn(column.name, part, by_part, 1 - right)


def _counts(
    at: np.ndarray[Any, Any], codes: np.ndarray[Any, Any], parts: int, values: int
) -> np.ndarray[Any, Any]:
    """Rows by part of the time and value, of shape (n_parts, n_values)."""
    import numpy as np

    return np.bincount(at * values + codes, minlength=parts * values).reshape(parts, values)


def _goes_round(told: CalendarColumn, *, is_numeric: bool) -> bool:
    """Whether the values are those of a calendar though none came again.

    Numbers grow and begin anew once; names are those of months, each with one of its own.
    """
    order: Sequence[Any] = [told.by_part[one] for one in sorted(told.by_part)]
    if len(set(order)) < _CYCLE_VALUES:
        return False
    if told.part is not None and told.part.name == "month of the year":
        return len(set(order)) == len(order)
    if not is_numeric:
        return False
    falls = sum(after < before for before, after in zip(order, [*order[1:], order[0]], strict=True))
    return bool(falls == 1)
