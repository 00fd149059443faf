"""Moments of several columns: a day and a time of day, each in one column or in parts."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any, Literal

from slipway.values.bad_value import BadValue
from slipway.values.date_parts import (
    OF_A_CLOCK,
    OF_A_DAY,
    DatePart,
    clock_parts,
    day_text,
    part_text,
)
from slipway.values.text_format import PLAIN, TextFormat, stripped
from slipway.values.timestamps import parse_timestamp, zone_of
from slipway.values.value_types import Value

Part = Literal["date", "time"] | DatePart

PARTS: tuple[Part, ...] = ("date", *OF_A_DAY, "time", *OF_A_CLOCK)
"""All parts, the day first."""

_SOME_DAY = "2000-01-01"
_CLOCK = re.compile(
    r"[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:\.[0-9]{1,9})?)? ?(?:Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?"
)
_WIDTHS = {"Y": 4, "j": 3, **dict.fromkeys("HIMSymd", 2)}
"""Digits of the directives of `strptime` that are numbers of one width."""


class BadMoment(BadValue):
    """Parts that make no moment together.

    Args:
        refusal: What is wrong.
        parts: Those that are to blame.
    """

    def __init__(self, refusal: BadValue, parts: tuple[Part, ...]) -> None:
        super().__init__(refusal.reason, hint=refusal.hint)
        self.parts = parts


@dataclass(frozen=True)
class DateAndTimeForm:
    """Forms of the parts of a moment.

    Attributes:
        date_format: Form of the day as `strptime` has it; None: ISO 8601.
        time_format: Form of the time of day; None: ISO 8601, such as 14:05.
        timezone: IANA zone of the moment; None: UTC.
        date_timezone: IANA zone in which a day of type timestamp was read; None: UTC.
        parts: What the columns have: a day or parts of one, then a time of day, parts of one, or
            nothing. What is not there is the first of its kind: January, the 1st, midnight.
    """

    date_format: str | None = None
    time_format: str | None = None
    timezone: str | None = None
    date_timezone: str | None = None
    parts: tuple[Part, ...] = ("date", "time")

    @property
    def of_day(self) -> tuple[DatePart, ...]:
        """Parts of the day where no column has it as a whole."""
        return tuple(one for one in OF_A_DAY if one in self.parts)

    @property
    def of_clock(self) -> tuple[DatePart, ...]:
        """Parts of the time of day where no column has it as a whole."""
        return tuple(one for one in OF_A_CLOCK if one in self.parts)

    def read(self, part: Part, value: Value) -> str | None:
        """Return a part as ISO 8601 has it; None for a text that means "no value".

        Raises:
            BadValue: It is no such part, or has another form than the declared one.
        """
        if part == "date":
            return self._date_text(value)
        return self._time_text(value) if part == "time" else part_text(part, value)

    def moment(self, texts: Mapping[Part, str]) -> datetime | None:
        """Return the moment of the texts of all parts, in UTC.

        Raises:
            BadMoment: There is no such day, or the zone has no such time.
        """
        day = texts["date"] if "date" in texts else self.day([texts[one] for one in self.of_day])
        clock = texts.get("time") or ":".join(clock_parts([texts[one] for one in self.of_clock]))
        text = f"{day}T{clock}" if clock else day
        try:
            return parse_timestamp(text, TextFormat(timezone=self.timezone))
        except BadValue as refusal:
            raise BadMoment(refusal, self.parts) from None

    def day(self, texts: Sequence[str]) -> str:
        """Return the day of the texts of its parts.

        Raises:
            BadMoment: The month has no such day, or the year.
        """
        try:
            return day_text(dict(zip(self.of_day, texts, strict=True)))
        except BadValue as refusal:
            raise BadMoment(refusal, self.of_day[-1:]) from None

    def spelt(self, moment: datetime) -> tuple[str, ...]:
        """Return a text of each part of a moment, as an example."""
        day = moment.strftime(self.date_format or "%Y-%m-%d")
        if self.date_timezone is not None:
            zone = zone_of(self.date_timezone)
            day = datetime(moment.year, moment.month, moment.day, tzinfo=zone).isoformat()
        numbers = (*moment.timetuple()[:6], moment.timetuple().tm_yday)
        names = ("year", "month", "day", "hour", "minute", "second", "day_of_year")
        known = dict(zip(names, map(str, numbers), strict=True))
        known |= {"date": day, "time": moment.strftime(self.time_format or "%H:%M")}
        return tuple(known[one] for one in self.parts)

    def _date_text(self, value: Value) -> str | None:
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

    def _time_text(self, value: Value) -> str | None:
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


def form_facts(form: DateAndTimeForm) -> dict[str, Any]:
    """Return a form as the manifest of a version has it: what differs from the plainest form."""
    plain = vars(DateAndTimeForm())
    facts = {name: value for name, value in vars(form).items() if value != plain[name]}
    return facts | ({"parts": list(form.parts)} if "parts" in facts else {})


def form_of(facts: Mapping[str, Any]) -> DateAndTimeForm:
    """Return the form that a manifest has."""
    parts = {"parts": tuple(facts["parts"])} if "parts" in facts else {}
    return DateAndTimeForm(**{**facts, **parts})


def _digits(value: Value, form: str | None) -> str:
    """A value as text; a whole number with the zeros in front that its form has."""
    if not isinstance(value, int) or form is None:
        return str(value)
    directives = re.findall("%(.)", form)
    return str(value).zfill(sum(_WIDTHS.get(one, 0) for one in directives))


def _of_part(refusal: BadValue, part: str, form: str | None) -> BadValue:
    """A refusal in words of a part: the whole time's speak of a column that there is none of."""
    if "does not exist" in refusal.reason:
        return BadValue(refusal.reason)
    what = "day" if part == "date" else "time of day"
    spelt = f" of the form {form}" if form is not None else ", such as 2013-05-01"
    return BadValue(f"is no {what}{spelt}", hint=_hint(part, form))


def _hint(part: str, form: str | None) -> str:
    if form is None:
        return f"`{part}_format` of `event_time` in dataset.yaml says how it is spelt"
    return f"`{part}_format` of `event_time` in dataset.yaml names another form"
