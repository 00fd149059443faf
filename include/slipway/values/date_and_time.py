"""Moments of two columns: a day and a time of day, each with a form of its own, in one zone."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, time
from typing import TYPE_CHECKING, Literal

from slipway.values.arrays import Refused, cast_array
from slipway.values.bad_value import BadValue, shape_of
from slipway.values.text_format import PLAIN, TextFormat, stripped
from slipway.values.timestamps import parse_timestamp, zone_of
from slipway.values.value_types import Value

if TYPE_CHECKING:
    import pyarrow as pa

Part = Literal["date", "time"]

_SOME_DAY = "2000-01-01"
_CLOCK = re.compile(
    r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)? ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_WIDTHS = {"Y": 4, "j": 3, **dict.fromkeys("HIMSymd", 2)}
"""Digits of the directives of `strptime` that are numbers of one width."""


@dataclass(frozen=True)
class DateAndTimeForm:
    """Forms of a day and of a time of day.

    Attributes:
        date_format: Form of the day as `strptime` has it; None: ISO 8601.
        time_format: Form of the time of day; None: ISO 8601, such as 14:05.
        timezone: IANA zone of the moment; None: UTC.
        date_timezone: IANA zone in which a day of type timestamp was read; None: UTC.
    """

    date_format: str | None = None
    time_format: str | None = None
    timezone: str | None = None
    date_timezone: str | None = None

    def day_text(self, value: Value) -> str | None:
        """Return a day as ISO 8601 has it; None for a text that means "no value".

        Raises:
            BadValue: It is no day of the declared form, or has a time of day beside it.
        """
        if isinstance(value, datetime):
            found: datetime | None = value.astimezone(zone_of(self.date_timezone or "UTC"))
        else:
            text = _digits(value, self.date_format)
            try:
                found = parse_timestamp(text, TextFormat(timestamp=self.date_format))
            except BadValue as refusal:
                raise _of_part(refusal, "date", self.date_format) from None
        if found is None:
            return None
        if found.time() != time():
            hint = "name a column of the whole time in `event_time`, or deliver the day alone"
            raise BadValue("has a time of day beside the day", hint=hint)
        return found.date().isoformat()

    def clock_text(self, value: Value) -> str | None:
        """Return a time of day as ISO 8601 has it; None for a text that means "no value".

        Raises:
            BadValue: It is no time of day of the declared form.
        """
        text = stripped(_digits(value, self.time_format), PLAIN)
        if text is None:
            return None
        if self.time_format is None and _CLOCK.fullmatch(text) is None:
            raise BadValue("is no time of day, such as 14:05", hint=_hint("time", None))
        form = None if self.time_format is None else f"%Y-%m-%dT{self.time_format}"
        try:
            found = parse_timestamp(f"{_SOME_DAY}T{text}", TextFormat(timestamp=form))
        except BadValue as refusal:
            raise _of_part(refusal, "time", self.time_format) from None
        # As it is written, since it may name an offset of its own.
        return text if form is None or found is None else found.time().isoformat()

    def spelt(self, moment: datetime) -> tuple[str, str]:
        """Return the texts of a moment's day and time of day, as an example."""
        clock = moment.strftime(self.time_format or "%H:%M")
        if self.date_timezone is None:
            return moment.strftime(self.date_format or "%Y-%m-%d"), clock
        day = datetime(moment.year, moment.month, moment.day, tzinfo=zone_of(self.date_timezone))
        return day.isoformat(), clock

    def moment(self, day: str, clock: str) -> datetime | None:
        """Return the moment of both texts, in UTC.

        Raises:
            BadValue: The zone has no such moment.
        """
        return parse_timestamp(f"{day}T{clock}", TextFormat(timezone=self.timezone))


@dataclass(frozen=True)
class Moments:
    """Moments of rows.

    Attributes:
        values: UTC microseconds; null where a part is missing or refused.
        refused: Refused cells by part, or by neither where both are to blame together.
    """

    values: pa.Array
    refused: tuple[tuple[Part | None, Refused], ...]


def moments(dates: pa.Array, times: pa.Array, form: DateAndTimeForm) -> Moments:
    """Return the moment of each row's day and time of day.

    Args:
        dates: Days, in the declared type of their column.
        times: Times of day, in the declared type of theirs.
        form: Forms of both.
    """
    import pyarrow.compute as pc

    days, bad_days = _mapped(dates, form.day_text)
    clocks, bad_clocks = _mapped(times, form.clock_text)
    both = pc.binary_join_element_wise(days, clocks, "T")
    cast = cast_array(both, "timestamp", TextFormat(timezone=form.timezone))
    return Moments(
        cast.values,
        (
            *(("date", one) for one in bad_days),
            *(("time", one) for one in bad_clocks),
            *((None, one) for one in cast.refused),
        ),
    )


def _mapped(
    cells: pa.Array, read: Callable[[Value], str | None]
) -> tuple[pa.Array, tuple[Refused, ...]]:
    """Texts of a column, each distinct cell read once; null where it is missing or refused."""
    import numpy as np
    import pyarrow as pa

    coded = cells.dictionary_encode()
    codes = coded.indices.fill_null(-1).to_numpy(zero_copy_only=False)
    texts: list[str | None] = []
    refused = []
    for code, cell in enumerate(coded.dictionary.to_pylist()):
        try:
            texts.append(read(cell))
        except BadValue as bad:
            texts.append(None)
            rows = np.flatnonzero(codes == code).tolist()
            refused.append(Refused(bad.reason, bad.hint, shape_of(cell), tuple(rows)))
    return pa.array(texts, pa.string()).take(coded.indices), tuple(refused)


def _digits(value: Value, form: str | None) -> str:
    """A value as text; a whole number with the zeros in front that its form has."""
    if not isinstance(value, int) or form is None:
        return str(value)
    directives = re.findall("%(.)", form)
    return str(value).zfill(sum(_WIDTHS.get(one, 0) for one in directives))


def _of_part(refusal: BadValue, part: Part, form: str | None) -> BadValue:
    """A refusal in words of a part: the whole time's speak of a column that there is none of."""
    if "does not exist" in refusal.reason:
        return BadValue(refusal.reason)
    what = "day" if part == "date" else "time of day"
    spelt = f" of the form {form}" if form is not None else ", such as 2013-05-01"
    return BadValue(f"is no {what}{spelt}", hint=_hint(part, form))


def _hint(part: Part, form: str | None) -> str:
    if form is None:
        return f"`{part}_format` of `event_time` in dataset.yaml says how it is spelt"
    return f"`{part}_format` of `event_time` in dataset.yaml names another form"
