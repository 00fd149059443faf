"""Find `strptime` forms that read times wrongly: times are written in the form and read back."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from slipway.values.text_format import BLANKS

_TIMES = tuple(
    datetime.fromisoformat(one).replace(tzinfo=UTC)
    for one in (
        "2013-05-21T16:47:38.123456",
        "1999-12-31T23:59:58.987654",
        "2024-02-29T12:06:07.000891",
        "2008-11-02T00:31:15.500000",
        "2031-07-09T09:10:11.002000",
    )
)
"""Of no two of their parts is one always equal to the other."""

_FIRST = (1, 1, 1, 0, 0, 0, 0)
"""Year, month, day, hour, minute, second and microsecond that a form does not tell."""

_MONTH_BEHIND_HOURS = re.compile(r"%[HIMS][^%\s]?%m")
_MINUTE_BESIDE_DATE = re.compile(r"%[dYy][-./]?%M|%M[-./]?%[dYy]")
_PERCENT = "%%"


def reads_a_year(form: str) -> bool:
    """Return whether `strptime` takes a form, and reads the year of a time that is written in it.

    Args:
        form: As `strptime` has it.
    """
    read = _read_back(form, _TIMES[0])
    return read is not None and read.year == _TIMES[0].year


def misread(form: str) -> tuple[str, str] | None:
    """Return why a form reads times wrongly, and what would read them; None where it does not.

    A form may be as coarse as a year. What it reads must be the time that was written, cut to
    that resolution.

    Args:
        form: As `strptime` has it, with a year.
    """
    bare = form.replace(_PERCENT, "")
    if _MONTH_BEHIND_HOURS.search(bare) and _MINUTE_BESIDE_DATE.search(bare):
        return "%M is the minute and %m the month, so each is read as the other", "swap them"
    if all(_is_cut(_read_back(form, time), time) for time in _TIMES):
        return None
    if "%I" in bare and "%p" not in bare:
        return (
            "%I without %p is an hour of the morning or of the afternoon",
            "write %H where the hours are 0 to 23; else add %p where AM or PM stands",
        )
    return (
        "times that are written in this form are read back as others",
        "name every part down to the finest one: month %m, day %d, hour %H, minute %M",
    )


def _read_back(form: str, time: datetime) -> datetime | None:
    """The time that a form reads from its own text; None where it reads none."""
    try:
        text = time.strftime(form).strip(BLANKS)
        return datetime.strptime(text, form).replace(tzinfo=UTC)
    except (ValueError, re.error):
        return None


def _is_cut(read: datetime | None, time: datetime) -> bool:
    """Whether a time was read, and is the other one down to some part of it."""
    if read is None:
        return False
    parts = _parts(time)
    cuts = (parts[:count] + _FIRST[count:] for count in range(1, len(parts) + 1))
    return _parts(read) in cuts


def _parts(time: datetime) -> tuple[int, ...]:
    return (*time.timetuple()[:6], time.microsecond)
