"""Event time of several columns in a spec: a day and a time of day, as a whole or in parts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.timestamp_format import ZoneName, require_readable
from slipway.values.date_and_time import PARTS, Part
from slipway.values.timestamps import EPOCH_FORMATS

_OF_A_DAY = re.compile("%[YymdjbBaAUWGVu]")
_OF_A_CLOCK = re.compile("%[HIMSfpz]")


def _day(form: str) -> str:
    if form in EPOCH_FORMATS or _OF_A_CLOCK.search(form):
        raise SpecConflict(
            f"given {form!r}; expected the form of a day, such as '%d.%m.%Y'",
            hint="a column that has the whole time is named alone: `event_time: NAME`",
        )
    return require_readable(form)


def _clock(form: str) -> str:
    if not re.search("%[HI]", form) or _OF_A_DAY.search(form):
        raise SpecConflict(
            f"given {form!r}; expected the form of a time of day, such as '%H:%M' or '%H%M'"
        )
    require_readable(f"%Y-%m-%dT{form}")
    return form


_DAYS = ("date", "day", "day_of_year")
_NEEDS: Mapping[str, tuple[str, ...]] = {
    "date": ("time", "hour"),
    "month": ("year",),
    "day": ("month",),
    "day_of_year": ("year",),
    "time": _DAYS,
    "hour": _DAYS,
    "minute": ("hour",),
    "second": ("minute",),
    "date_format": ("date",),
    "time_format": ("time",),
}
"""What each field needs beside it: one of these."""

_EXCLUDES: Mapping[str, tuple[str, ...]] = {
    "date": ("year", "month", "day", "day_of_year"),
    "day_of_year": ("month", "day"),
    "time": ("hour", "minute", "second"),
}
"""What each field already says."""


class DateAndTime(Spec):
    """Event time of several columns: a day or its parts, and a time of day or its parts."""

    date: str | None = Field(
        default=None, description="Feature column with the day: string, integer or timestamp."
    )
    year: str | None = Field(
        default=None,
        description="In place of `date`: feature column with the year, of four digits. This column "
        "and those below are integers, or strings of digits. Without a month it is January, "
        "without a day the 1st.",
    )
    month: str | None = Field(
        default=None,
        description="Feature column with the month, 1 to 12; a string may be its English name.",
    )
    day: str | None = Field(default=None, description="Feature column with the day of the month.")
    day_of_year: str | None = Field(
        default=None,
        description="In place of `month` and `day`: feature column with the day of the year, from "
        "1.",
    )
    time: str | None = Field(
        default=None, description="Feature column with the time of day: string or integer."
    )
    hour: str | None = Field(
        default=None,
        description="In place of `time`: feature column with the hour, 0 to 23. Parts of a day "
        "without a time of day are at midnight.",
    )
    minute: str | None = Field(default=None, description="Feature column with the minute.")
    second: str | None = Field(default=None, description="Feature column with the second.")
    date_format: Annotated[str, AfterValidator(_day)] | None = Field(
        default=None,
        description="Form of `date` where it is not ISO 8601, as `strptime` has it: `%d.%m.%Y`. "
        "A day of type timestamp has the form of its column.",
    )
    time_format: Annotated[str, AfterValidator(_clock)] | None = Field(
        default=None,
        description="Form of `time` where it is not `14:05` or `14:05:00`: `%H%M`. "
        "An integer gets the zeros in front that the form has.",
    )
    timezone: ZoneName | None = Field(
        default=None, description="IANA zone of all parts, e.g. `Europe/Berlin`; else UTC."
    )

    @property
    def columns(self) -> dict[Part, str]:
        """Columns by part, the day first."""
        named = {part: getattr(self, part) for part in PARTS}
        return {part: name for part, name in named.items() if name is not None}

    @model_validator(mode="after")
    def _is_one_time(self) -> DateAndTime:
        given = [name for name, value in self if value is not None]
        if self.date is None and self.year is None:
            raise SpecConflict(
                "no column has the day",
                hint="name the columns that have it: `date`, or `year` with `month` and `day`",
            )
        for name in given:
            beside = [one for one in _EXCLUDES.get(name, ()) if one in given]
            if beside:
                raise SpecConflict(
                    f"`{name}` already says what `{beside[0]}` would",
                    field=(beside[0],),
                    hint="remove one of them",
                )
            if not set(given) & set(wanted := _NEEDS.get(name, (name,))):
                expected = " or ".join(f"`{one}`" for one in wanted)
                raise SpecConflict(
                    f"`{name}` needs {expected} beside it",
                    field=(name,),
                    hint="a column that has the whole time is named alone: `event_time: NAME`"
                    if name == "date"
                    else None,
                )
        return self
