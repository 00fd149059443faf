"""Event time of two columns in a spec: a day and a time of day, each with a form of its own."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from slipway.spec.base import Spec, SpecConflict
from slipway.spec.timestamp_format import ZoneName, require_readable
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


class DateAndTime(Spec):
    """Event time of two columns."""

    date: str = Field(description="Feature column with the day: string, integer or timestamp.")
    time: str = Field(description="Feature column with the time of day: string or integer.")
    date_format: Annotated[str, AfterValidator(_day)] | None = Field(
        default=None,
        description="Form of the day where it is not ISO 8601, as `strptime` has it: `%d.%m.%Y`. "
        "A day of type timestamp has the form of its column.",
    )
    time_format: Annotated[str, AfterValidator(_clock)] | None = Field(
        default=None,
        description="Form of the time of day where it is not `14:05` or `14:05:00`: `%H%M`. "
        "An integer gets the zeros in front that the form has.",
    )
    timezone: ZoneName | None = Field(
        default=None, description="IANA zone of both, e.g. `Europe/Berlin`; else UTC."
    )
