"""Guess the form of a column's times from its texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import pairwise

from slipway.values.bad_value import BadValue
from slipway.values.text_format import TextFormat
from slipway.values.timestamps import parse_timestamp

_DAYS = (
    *("%Y/%m/%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y"),
    *("%d-%m-%Y", "%m-%d-%Y", "%Y.%m.%d", "%d-%b-%Y", "%d-%b-%y", "%d %b %Y", "%d %B %Y"),
    *("%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%B %d %Y", "%Y-%b-%d", "%a %b %d %Y", "%a, %d %b %Y"),
    *("%b %d, %y", "%d-%m-%y", "%Y %m %d"),
)
_CLOCKS = ("", " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p", "T%H:%M:%S", " %H.%M.%S")
_MONTHS = ("%Y-%m", "%b %Y", "%B %Y", "%m/%Y", "%b-%Y", "%Y/%m")
_TRIED = 60
_CHECKED = 20_000
_MOST_BAD = 0.005
_CLOCK = re.compile(r"[0-9]{1,2}:[0-9]{2}|[ T][0-9]{1,2}\.[0-9]{2}")
"""A time of day; without a colon it stands behind a day, or a day with points were one, too."""

_SOME_DIGIT = re.compile(r"[0-9]")
_OF_A_DATE = ("date", "day", "dt", "time", "ymd")
_EARLIEST, _LATEST = 1600, 2100


@dataclass(frozen=True)
class TimeForm:
    """Form of a column's times.

    Attributes:
        format: As `strptime` has it; None: ISO 8601.
        is_day: Whether it has no time of day.
        marks: Texts that are no times, of which most rows have none.
        doubt: Another form that reads every text as well; empty: there is none.
    """

    format: str | None
    is_day: bool
    marks: tuple[str, ...] = ()
    doubt: str = ""


def guess_time_form(name: str, texts: Sequence[str]) -> TimeForm | None:
    """Return the form in which texts are times; None where they are none.

    Args:
        name: Name of the column.
        texts: Distinct texts, in the order of the file, without missing ones.
    """
    first = [text.strip() for text in texts[:_TRIED]]
    if not first or not all(map(_SOME_DIGIT.search, first[:5])):
        return None
    if all(text.isdigit() for text in first):
        return _of_digits(name, texts)
    fitting = [form for form in _forms(first[0]) if _reads(first, form)]
    checked = texts[:: -(-len(texts) // _CHECKED)]
    fitting = [form for form in fitting if _share_refused(checked, form) <= _MOST_BAD]
    if not fitting:
        return None
    best = min(fitting, key=lambda form: _turns(checked, form))
    others = [form for form in fitting if form != best]
    is_clear = not others or _turns(checked, best) < min(_turns(checked, one) for one in others) / 2
    return TimeForm(
        best,
        is_day=not any(map(_CLOCK.search, first)),
        doubt="" if is_clear else f"{others[0]} reads every text as well: look at the first rows",
    )


def _of_digits(name: str, texts: Sequence[str]) -> TimeForm | None:
    """Days such as 20130521 in a column that is named like one."""
    is_named = any(part in name.lower() for part in _OF_A_DATE)
    eight = all(len(text.strip()) == 8 for text in texts[:_TRIED])  # noqa: PLR2004 - YYYYMMDD
    if is_named and eight and _share_refused(texts[:_CHECKED], "%Y%m%d") <= _MOST_BAD:
        return TimeForm("%Y%m%d", is_day=True)
    return None


def _forms(text: str) -> Iterable[str | None]:
    yield None
    has_clock = _CLOCK.search(text) is not None
    for clock in _CLOCKS[1:] if has_clock else ("",):
        yield from (f"{day}{clock}" for day in _DAYS)
    if not has_clock:
        yield from _MONTHS


def _reads(texts: Iterable[str], form: str | None) -> bool:
    """Whether almost all of some texts are plausible times; one may be odd."""
    bad = 0
    for text in texts:
        bad += _read(text, form) is None
        if bad > 1:
            return False
    return True


def _share_refused(texts: Sequence[str], form: str | None) -> float:
    return sum(_read(text, form) is None for text in texts) / max(1, len(texts))


def _read(text: str, form: str | None) -> datetime | None:
    try:
        if form is None:
            found = parse_timestamp(text, TextFormat())
        else:
            found = datetime.strptime(text.strip(), form).replace(tzinfo=UTC)
    except (BadValue, ValueError):
        return None
    return found if found is not None and _EARLIEST <= found.year < _LATEST else None


def _turns(texts: Sequence[str], form: str | None) -> int:
    """How often the times of a file turn round: few in the form in which it was written."""
    times = [time for text in texts[:2000] if (time := _read(text, form)) is not None]
    signs = [second > first for first, second in pairwise(times)]
    return sum(one != other for one, other in pairwise(signs))
