"""Timestamps: ISO 8601 dates and times, strictly; the wall clock is never read."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from zoneinfo import ZoneInfo

from slipway.values.bad_value import BadValue
from slipway.values.text_format import PLAIN, TextFormat, decoded, refused_text, stripped
from slipway.values.time_shapes import is_beyond_its_year, names_no_time

HINT = "e.g. 2013-05-01T12:00:00+00:00; other forms need `format` of the column in dataset.yaml"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LONG_COUNT = re.compile(r"[+-]?[0-9]{9,16}(?:\.[0-9]+)?")
_SHORTEST_MILLISECONDS = 10**11
"""Counts of milliseconds since 1973; as seconds they would be in the years beyond 5138."""

EPOCH_FORMATS = {"epoch_seconds": 1, "epoch_milliseconds": 1000}

_ISO = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})"
    r"(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?"
    r" ?(Z|UTC|[+-][0-9]{2}(?::?[0-9]{2})?)?)?"
)
_LEAP_SECOND = "60"


def parse_timestamp(value: object, fmt: TextFormat = PLAIN) -> datetime | None:
    """Return a time in UTC, cut to microseconds; None for a text that means "no value".

    A date is its midnight. Without an offset the time is in the format's zone, or in UTC; a local
    time that a clock shows twice is the first.

    Raises:
        BadValue: It is no time in the expected form, or beyond the years 1 to 9999 in UTC.
    """
    if isinstance(value, float | datetime) and value != value:  # noqa: PLR0124 - NaN, NaT
        return None
    if isinstance(value, datetime):
        return _in_utc(value, fmt)
    if isinstance(value, date):
        return _in_utc(datetime(value.year, value.month, value.day), fmt)  # noqa: DTZ001 - a day
    if isinstance(value, bytes | str):
        bare = stripped(decoded(value), fmt)
        return None if bare is None else _in_utc(_read(bare, fmt), fmt)
    if fmt.timestamp in EPOCH_FORMATS and isinstance(value, int | float | Decimal):
        return _since_epoch(Decimal(value), fmt)
    raise BadValue("is no date with a time", hint=_hint_for_count(value))


def _read(bare: str, fmt: TextFormat) -> datetime:
    if fmt.timestamp in EPOCH_FORMATS:
        if not re.fullmatch(r"[+-]?[0-9]{1,18}(\.[0-9]{1,9})?", bare):
            expected = f"number of {fmt.timestamp.removeprefix('epoch_')}"
            raise refused_text(bare, expected, hint=_hint_for_format(bare))
        return _since_epoch(Decimal(bare), fmt)
    if fmt.timestamp is not None:
        return _read_in_form(bare, fmt.timestamp)
    found = _ISO.fullmatch(bare)
    if found is None:
        hint = _hint_for_count(float(bare)) if _LONG_COUNT.fullmatch(bare) else HINT
        raise refused_text(bare, "ISO 8601 date with a time", hint=hint)
    year, month, day, hour, minute, second, fraction, zone = found.groups()
    if second == _LEAP_SECOND:
        raise BadValue("is a leap second, which no clock here has")
    try:
        return datetime(
            *(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0)),
            int((fraction or "0").ljust(6, "0")[:6]),
            tzinfo=_offset(zone),
        )
    except ValueError:
        raise _does_not_exist() from None


def _read_in_form(bare: str, form: str) -> datetime:
    try:
        found = datetime.strptime(bare, form)  # noqa: DTZ007 - its zone is added
    except ValueError as error:
        hint = _hint_for_format(bare)
        if names_no_time(bare, form, error):
            raise _does_not_exist(hint) from None
        raise refused_text(bare, f"time of the form {form}", hint=hint) from None
    if "%j" in form and is_beyond_its_year(bare, form, found):
        raise BadValue("names day 366, which does not exist in its year")
    return found


def _hint_for_count(value: object) -> str:
    """What would accept a number in place of a time."""
    if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
        return HINT
    size = abs(Decimal(value))
    if not size.is_finite() or not 10**8 <= size < 10**16:
        return HINT
    unit = "milliseconds" if size >= _SHORTEST_MILLISECONDS else "seconds"
    return f"set `format: epoch_{unit}` of the column in dataset.yaml, if it counts {unit}"


def _hint_for_format(bare: str) -> str:
    """What would accept a text that is not of the column's format."""
    if _ISO.fullmatch(bare):
        return "remove `format` of the column in dataset.yaml, if its times are ISO 8601"
    return "`format` of the column in dataset.yaml says how its times are spelt"


def _offset(zone: str | None) -> tzinfo | None:
    if zone is None:
        return None
    if zone in {"Z", "UTC"}:
        return UTC
    digits = zone[1:].replace(":", "").ljust(4, "0")
    span = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return timezone(-span if zone[0] == "-" else span)


def _since_epoch(count: Decimal, fmt: TextFormat) -> datetime:
    if not count.is_finite():
        raise BadValue("is not finite")
    try:
        per_second = EPOCH_FORMATS[fmt.timestamp or ""]
        return EPOCH + timedelta(microseconds=int(count * 1_000_000 / per_second))
    except OverflowError:
        hint = "set `format: epoch_milliseconds` of the column in dataset.yaml, if it counts them"
        raise _beyond(hint if fmt.timestamp == "epoch_seconds" else None) from None


def _in_utc(time: datetime, fmt: TextFormat) -> datetime:
    try:
        if time.tzinfo is not None:
            moment = time.astimezone(UTC)
        elif fmt.timezone is None:
            moment = time.replace(tzinfo=UTC)
        else:
            moment = time.replace(tzinfo=zone_of(fmt.timezone)).astimezone(UTC)
            if moment.astimezone(zone_of(fmt.timezone)).replace(tzinfo=None) != time:
                hint = "deliver times with an offset, or set the `timezone` that they are in"
                raise BadValue("is a local time that the clock skips", hint=hint)
    except OverflowError:
        raise _beyond() from None
    # A subclass, such as pandas' own, may have finer parts.
    return datetime(*moment.timetuple()[:6], moment.microsecond, tzinfo=UTC)


@cache
def zone_of(name: str) -> ZoneInfo:
    """Return a time zone by its IANA name."""
    return ZoneInfo(name)


def _does_not_exist(hint: str | None = None) -> BadValue:
    return BadValue("names a day or a time that does not exist", hint=hint)


def _beyond(hint: str | None = None) -> BadValue:
    return BadValue("is beyond the years 1 to 9999 in UTC", hint=hint)
