"""Refusals of values say what would accept them, in words of the data and of dataset.yaml."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from decimal import Decimal

import pyarrow as pa
import pytest

from slipway.values.arrays import cast_array
from slipway.values.bad_value import BadValue
from slipway.values.parse import parse
from slipway.values.text_format import PLAIN, TextFormat
from slipway.values.value_types import ColumnType

MILLISECONDS = TextFormat(timestamp="epoch_milliseconds")
GERMAN = TextFormat(timestamp="%d.%m.%Y")
BERLIN = TextFormat(timezone="Europe/Berlin")


def hint_for(value: object, kind: ColumnType, fmt: TextFormat = PLAIN) -> str:
    """Hint of the refusal."""
    with pytest.raises(BadValue) as refused:
        parse(value, kind, fmt)
    return refused.value.hint or ""


@pytest.mark.parametrize("value", ["1367409600000", "1367409600000.5", 1367409600001, 1.3674096e12])
def test_a_count_of_milliseconds_has_the_format_that_reads_it(value: object) -> None:
    """As a text of CSV and as a number of Parquet or JSON."""
    assert "`format: epoch_milliseconds`" in hint_for(value, "timestamp")


@pytest.mark.parametrize("value", ["1367409600", 1367409601, Decimal("1367409600.25")])
def test_a_count_of_seconds_has_the_format_that_reads_it(value: object) -> None:
    """Ten digits are seconds of this century, and milliseconds of 1970."""
    assert "`format: epoch_seconds`" in hint_for(value, "timestamp")


def test_milliseconds_under_the_format_of_seconds_have_the_format_that_reads_them() -> None:
    """As seconds they are beyond the calendar."""
    seconds = TextFormat(timestamp="epoch_seconds")
    assert "`format: epoch_milliseconds`" in hint_for("1367409600000", "timestamp", seconds)


@pytest.mark.parametrize("value", ["20130501", 20130502, True, "now"])
def test_what_is_no_count_since_1970_is_not_taken_for_one(value: object) -> None:
    """Eight digits are a date without marks."""
    assert "epoch" not in hint_for(value, "timestamp")


@pytest.mark.parametrize("fmt", [MILLISECONDS, GERMAN], ids=["epoch", "strptime"])
def test_iso_times_under_a_format_are_told_to_need_none(fmt: TextFormat) -> None:
    """Other texts are told where their form is declared."""
    assert hint_for("2013-05-01T12:00:00Z", "timestamp", fmt).startswith("remove `format`")
    assert "`format` of the column" in hint_for("May the 1st", "timestamp", fmt)


@pytest.mark.parametrize(
    "value", ["12,50 \u20ac", "$12.50", "12 %", "12%", "EUR 1,200.50", "-3 kg", "12 miles"]
)
@pytest.mark.parametrize("kind", ["number", "integer"])
def test_a_number_with_a_currency_or_a_unit_is_told_to_stand_alone(
    kind: ColumnType, value: str
) -> None:
    """Or its unit is declared: a column has one, where cells could have several."""
    assert "deliver the number alone" in hint_for(value, kind)


@pytest.mark.parametrize("value", ["far", "1.2.3", "12-5", "1367x409600y1"])
def test_other_texts_are_not_taken_for_a_number_with_a_unit(value: str) -> None:
    """A text, a version, a range and a code are none."""
    assert "alone" not in hint_for(value, "number")


@pytest.mark.parametrize(
    "value", ["1234.5", "0.500", "12.34,5", "1.234e5", "1.2345", "0.000,0", "1.23.456"]
)
@pytest.mark.parametrize("thousands", [None, ".", "\u00a0"])
def test_points_that_are_between_no_thousands_are_told_as_that(
    value: str, thousands: str | None
) -> None:
    """Whether `csv.thousands` is set or not: it is not what is missing."""
    hint = hint_for(value, "number", TextFormat(decimal=",", thousands=thousands))
    assert hint.startswith("points do not stand between groups of three digits; is the decimal")


def test_points_between_thousands_have_the_setting_that_reads_them() -> None:
    """Where another separator is set, both are named."""
    assert "set `csv: {thousands" in hint_for("1.234,5", "number", TextFormat(decimal=","))
    narrow = TextFormat(decimal=",", thousands="\u00a0")
    assert "separated by `.` here" in hint_for("1.234,5", "number", narrow)


@pytest.mark.parametrize("kind", ["number", "integer"])
@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("1 234", "a space"),
        ("1\u202f234", "a narrow no-break space"),
        ("1'234", "`'`"),
        ("12\u2009345\u2009678", "a thin space"),
    ],
)
def test_another_separator_of_thousands_than_the_declared_one_is_named(
    kind: ColumnType, value: str, found: str
) -> None:
    """With the declared one, since `csv.thousands` is set."""
    hint = hint_for(value, kind, TextFormat(decimal=",", thousands="\u00a0"))
    assert hint.startswith(f"thousands are separated by {found}")
    assert "is a no-break space" in hint
    assert "set `csv.thousands`" in hint_for(value, kind)


def test_a_fraction_behind_another_separator_changes_no_hint() -> None:
    """The comma is the decimal mark."""
    fmt = TextFormat(decimal=",", thousands="\u00a0")
    for value in ("1 234,5", "1\u202f234,5"):
        assert hint_for(value, "number", fmt).startswith("thousands are separated by a ")
    assert "the first without a zero" in hint_for("0,500.5", "number", TextFormat(thousands=","))


@pytest.mark.parametrize("value", ["--5", "\u22125", "+-5", "- 5", "5-", "\u20131.5"])
@pytest.mark.parametrize("kind", ["number", "integer"])
def test_another_sign_is_told_as_one(kind: ColumnType, value: str) -> None:
    """It is neither a currency nor a unit."""
    assert "one hyphen-minus (U+002D)" in hint_for(value, kind)


@pytest.mark.parametrize(
    ("form", "value"),
    [
        ("%d.%m.%Y", "29.02.2025"),
        ("%d.%m.%Y", "21.13.2013"),
        ("%d.%m.%Y %H:%M", "21.05.2013 24:00"),
        ("%d %b %Y", "31 Feb 2013"),
        ("%Y-%j", "2013-400"),
    ],
)
def test_a_day_or_an_hour_that_does_not_exist_is_told_under_a_format(form: str, value: str) -> None:
    """As of ISO 8601 times: the form itself is right."""
    with pytest.raises(BadValue, match="names a day or a time that does not exist"):
        parse(value, "timestamp", TextFormat(timestamp=form))
    with pytest.raises(BadValue, match="is no time of the form"):
        parse("May the 1st", "timestamp", TextFormat(timestamp=form))


@pytest.mark.parametrize(
    ("form", "day_366", "leap"),
    [
        ("%Y-%j", "2013-366", "2016-366"),
        ("%Y%j", "1900366", "2000366"),
        ("%j/%y %H:%M", "366/13 23:59", "366/16 23:59"),
        ("%Y-%jT%H:%M%z", "2013-366T05:00+0100", "2016-366T05:00+0100"),
    ],
)
def test_day_366_is_refused_of_a_year_of_365_days(form: str, day_366: str, leap: str) -> None:
    """It was read as the first day of the next year; a leap year's is its last one."""
    fmt = TextFormat(timestamp=form)
    with pytest.raises(BadValue, match="names day 366, which does not exist in its year"):
        parse(day_366, "timestamp", fmt)
    read = parse(leap, "timestamp", fmt)
    assert isinstance(read, datetime)
    assert (read.month, read.day) == (12, 31)
    (refused,) = cast_array([day_366, leap], "timestamp", fmt).refused
    assert refused.rows == (0,)


def test_a_time_that_no_calendar_has_names_no_exception() -> None:
    """Parquet's times reach beyond those of Python."""
    times = pa.array([2**62], pa.timestamp("s"))
    (refused,) = cast_array(times, "timestamp").refused
    assert refused.shape == "a time that no calendar has"
    assert not re.search("Error|Exception", f"{refused.reason} {refused.hint} {refused.shape}")


def test_a_local_time_of_the_hour_that_the_clock_shows_twice_is_the_first() -> None:
    """In a column with a zone; with an offset it is what the offset says."""
    for time, hour in (("02:30", 0), ("02:30+02:00", 0), ("02:30+01:00", 1)):
        read = parse(f"2013-10-27T{time}", "timestamp", BERLIN)
        assert read == datetime(2013, 10, 27, hour, 30, tzinfo=UTC)
    naive = pa.array([datetime(2013, 10, 27, 2, 30)], pa.timestamp("us"))  # noqa: DTZ001 - local
    assert cast_array(naive, "timestamp", BERLIN).values.to_pylist() == [
        datetime(2013, 10, 27, 0, 30, tzinfo=UTC)
    ]


def test_a_local_time_that_the_clock_skips_is_refused_with_a_way_out() -> None:
    """No moment is meant by it."""
    assert "deliver times with an offset" in hint_for("2013-03-31T02:30", "timestamp", BERLIN)
    naive = pa.array([datetime(2013, 3, 31, 2, 30)], pa.timestamp("us"))  # noqa: DTZ001 - local
    (refused,) = cast_array(naive, "timestamp", BERLIN).refused
    assert refused.reason == "is a local time that the clock skips"
