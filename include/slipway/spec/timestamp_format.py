"""Formats and time zones of timestamps in specs: `strptime` forms, epochs, and IANA zones."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from slipway.spec.base import SpecConflict
from slipway.spec.problems import nearest
from slipway.values.timestamps import EPOCH_FORMATS

_ANY_TIME = datetime(2013, 5, 21, 16, 47, 38, 123456, tzinfo=UTC)
_EXPECTED = f"a strptime form with a year, such as '%d.%m.%Y %H:%M', or {', '.join(EPOCH_FORMATS)}"


def _reads_back(form: str) -> str:
    if form in EPOCH_FORMATS:
        return form
    if re.search(r"(?<!%)(?:%%)*%Z", form):
        raise SpecConflict(
            f"given {form!r}; names of zones (%Z) are read by the clock of the machine",
            hint="name the zone in `timezone`; where the text has offsets, write %z",
        )
    try:
        has_year = datetime.strptime(_ANY_TIME.strftime(form), form).year == _ANY_TIME.year  # noqa: DTZ007 - only its year is read
    except ValueError:
        has_year = False
    if not has_year:
        close = nearest(form, EPOCH_FORMATS)
        raise SpecConflict(
            f"given {form!r}; expected {_EXPECTED}",
            hint=None if close is None else f"did you mean {close!r}?",
        )
    return form


def _exists(zone: str) -> str:
    try:
        ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        close = nearest(zone, sorted(available_timezones()))
        raise SpecConflict(
            f"given {zone!r}; expected an IANA time zone, such as Europe/Berlin",
            hint=None if close is None else f"did you mean {close!r}?",
        ) from None
    return zone


TimestampFormat = Annotated[str, AfterValidator(_reads_back)]
"""A form of `datetime.strptime`, or a name of `EPOCH_FORMATS`."""

ZoneName = Annotated[str, AfterValidator(_exists)]
"""IANA name of a time zone."""
