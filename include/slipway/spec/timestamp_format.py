"""Formats and time zones of timestamps in specs: `strptime` forms, epochs, and IANA zones."""

from __future__ import annotations

import re
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from pydantic import AfterValidator

from slipway.spec.base import SpecConflict
from slipway.spec.problems import nearest
from slipway.spec.times_read_back import misread, reads_a_year
from slipway.values.timestamps import EPOCH_FORMATS

_EXPECTED = f"a strptime form with a year, such as '%d.%m.%Y %H:%M', or {', '.join(EPOCH_FORMATS)}"


def require_readable(form: str) -> str:
    """Return a form whose texts are read as they were written.

    Raises:
        SpecConflict: It has no year, or is read otherwise than written.
    """
    if form in EPOCH_FORMATS:
        return form
    if re.search(r"(?<!%)(?:%%)*%Z", form):
        raise SpecConflict(
            f"given {form!r}; names of zones (%Z) are read by the clock of the machine",
            hint="name the zone in `timezone`; where the text has offsets, write %z",
        )
    if not reads_a_year(form):
        close = nearest(form, EPOCH_FORMATS)
        raise SpecConflict(
            f"given {form!r}; expected {_EXPECTED}",
            hint=None if close is None else f"did you mean {close!r}?",
        )
    if (fault := misread(form)) is not None:
        reason, hint = fault
        raise SpecConflict(f"given {form!r}; {reason}", hint=hint)
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


TimestampFormat = Annotated[str, AfterValidator(require_readable)]
"""A form of `datetime.strptime`, or a name of `EPOCH_FORMATS`."""

ZoneName = Annotated[str, AfterValidator(_exists)]
"""IANA name of a time zone."""
