"""Parts of an event time that a column may repeat, such as its hour, its weekday or its month."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class TimePart:
    """Part of an event time.

    Attributes:
        name: As verdicts name it.
        of: Returns it of each of several times, as whole numbers.
        period: Time after which it comes again.
    """

    name: str
    of: Callable[[pd.Series[Any]], pd.Series[Any]]
    period: timedelta

    def comes_again(self, span: timedelta) -> bool:
        """Return whether a span of time holds it twice, so that a repetition can be told."""
        return span >= 2 * self.period


_DAY, _WEEK, _MONTH, _YEAR = (timedelta(days=count) for count in (1, 7, 31, 366))

TIME_PARTS: tuple[TimePart, ...] = (
    TimePart("hour of the day", lambda times: times.dt.hour, _DAY),
    TimePart("minute of the day", lambda times: times.dt.hour * 60 + times.dt.minute, _DAY),
    TimePart("day of the week", lambda times: times.dt.dayofweek, _WEEK),
    TimePart("hour of the week", lambda times: times.dt.dayofweek * 24 + times.dt.hour, _WEEK),
    TimePart("day of the month", lambda times: times.dt.day, _MONTH),
    TimePart("month of the year", lambda times: times.dt.month, _YEAR),
    TimePart("week of the year", lambda times: times.dt.isocalendar().week, _YEAR),
    TimePart("day of the year", lambda times: times.dt.dayofyear, _YEAR),
)
"""Those that come again soonest first; of one period the coarse ones first."""
