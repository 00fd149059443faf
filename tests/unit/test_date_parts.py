"""Event times of a year, month, day, hour and minute, each in a column of its own."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.values.bad_value import BadValue
from slipway.values.date_and_time import BadMoment, DateAndTimeForm, Part, form_facts, form_of
from slipway.values.date_parts import DatePart, part_text
from slipway.values.moments import moments
from slipway.values.value_types import Value

DAY: tuple[Part, ...] = ("year", "month", "day")


def moment(form: DateAndTimeForm, values: tuple[Value, ...]) -> datetime | None:
    """The moment of a row, which is the same of a single one and of a column."""
    texts = {part: form.read(part, one) for part, one in zip(form.parts, values, strict=True)}
    single = form.moment({part: text for part, text in texts.items() if text is not None})
    found = moments([pa.array([one]) for one in values], form)
    assert (found.values.to_pylist(), found.refused) == ([single], ())
    return single


@pytest.mark.parametrize(
    ("parts", "values", "expected"),
    [
        (("year",), (2013,), "2013-01-01T00:00"),
        (("year", "month"), (2013, 5), "2013-05-01T00:00"),
        (("year", "month"), ("1949", "Jan"), "1949-01-01T00:00"),
        (DAY, (2013, 2, 28), "2013-02-28T00:00"),
        (DAY, ("2016", "02", " 29 "), "2016-02-29T00:00"),
        (DAY, (2015, "July", 1), "2015-07-01T00:00"),
        (DAY, (2015, "sept.", "1.0"), "2015-09-01T00:00"),
        (("year", "day_of_year"), (2016, 366), "2016-12-31T00:00"),
        (("year", "day_of_year", "hour"), (2013, 365, 6), "2013-12-31T06:00"),
        ((*DAY, "hour"), (2013, 5, 1, 23), "2013-05-01T23:00"),
        ((*DAY, "hour", "minute"), (2013, 5, 1, 5, 15), "2013-05-01T05:15"),
        ((*DAY, "hour", "minute", "second"), (2013, 5, 1, 5, 15, 9), "2013-05-01T05:15:09"),
        ((*DAY, "time"), (2013, 5, 1, "05:15"), "2013-05-01T05:15"),
        (("date", "hour", "minute"), ("2013-05-01", 5, 15), "2013-05-01T05:15"),
    ],
)
def test_parts_make_one_moment(
    parts: tuple[Part, ...], values: tuple[Value, ...], expected: str
) -> None:
    """What is not there is the first of its kind; digits and English months are the same."""
    form = DateAndTimeForm(parts=parts)
    assert moment(form, values) == datetime.fromisoformat(expected).replace(tzinfo=UTC)


def test_all_parts_are_of_one_zone() -> None:
    """As a day and a time of day are."""
    form = DateAndTimeForm(parts=(*DAY, "hour"), timezone="America/New_York")
    assert moment(form, (2013, 7, 1, 5)) == datetime(2013, 7, 1, 9, tzinfo=UTC)


@given(st.dates(date(1000, 1, 1), date(9998, 12, 31)), st.times())
def test_every_day_and_time_is_read_as_it_was_parted(day: date, clock: Any) -> None:
    """By the month and by the day of the year."""
    known = (clock.hour, clock.minute, clock.second)
    expected = datetime(day.year, day.month, day.day, *known, tzinfo=UTC)
    of_clock: tuple[Part, ...] = ("hour", "minute", "second")
    by_month = DateAndTimeForm(parts=(*DAY, *of_clock))
    assert moment(by_month, (day.year, day.month, day.day, *known)) == expected
    by_year = DateAndTimeForm(parts=("year", "day_of_year", *of_clock))
    assert moment(by_year, (day.year, day.timetuple().tm_yday, *known)) == expected


@pytest.mark.parametrize(
    ("part", "value", "reason", "hint"),
    [
        ("year", 13, "is no year of four digits", "deliver all four"),
        ("year", "70", "is no year of four digits", "deliver all four"),
        ("year", 20130, "is no year of four digits", None),
        ("month", 13, "is no month from 1 to 12", None),
        ("month", 0, "is no month from 1 to 12", None),
        ("month", "Juli", "is no month from 1 to 12", "are English"),
        ("month", "ja", "is no month from 1 to 12", "are English"),
        ("day", 32, "is no day from 1 to 31", None),
        ("day", "1.5", "is no day from 1 to 31", None),
        ("day_of_year", 367, "is no day of year from 1 to 366", None),
        ("hour", 24, "is no hour from 0 to 23", "hour 0 of the next one"),
        ("hour", -1, "is no hour from 0 to 23", None),
        ("minute", 60, "is no minute from 0 to 59", None),
        ("second", 60, "is no second from 0 to 59", None),
    ],
)
def test_a_part_out_of_its_range_is_refused(
    part: DatePart, value: Value, reason: str, hint: str | None
) -> None:
    """By what it would have to be, and never by its value."""
    with pytest.raises(BadValue) as refused:
        part_text(part, value)
    assert refused.value.reason == reason
    assert (refused.value.hint is None) == (hint is None)
    assert hint is None or hint in str(refused.value.hint)


def test_a_day_that_its_month_has_not_is_blamed_on_the_day() -> None:
    """In single rows and in columns, where each part is refused by itself."""
    form = DateAndTimeForm(parts=DAY)
    with pytest.raises(BadMoment, match="beyond the last day of its month") as refused:
        form.moment({"year": "2013", "month": "02", "day": "31"})
    assert refused.value.parts == ("day",)
    found = moments(
        [
            pa.array([2013, 2013, 13, None, 2013]),
            pa.array(["2", "13", "1", "1", "NA"]),
            pa.array([31, 1, 1, 1, 1]),
        ],
        form,
    )
    assert found.values.null_count == 5
    assert [(parts, one.reason, one.rows, one.shape) for parts, one in found.refused] == [
        (("year",), "is no year of four digits", (2,), "a value of type int"),
        (("month",), "is no month from 1 to 12", (1,), "99"),
        (("month",), "is missing", (4,), "aa"),
        (("day",), "is beyond the last day of its month", (0,), "a value of type int"),
    ]


def test_day_366_is_of_leap_years_only() -> None:
    """It is not the first day of the year after."""
    found = moments(
        [pa.array([2013, 2016, 1900]), pa.array([366, 366, 366])],
        DateAndTimeForm(parts=("year", "day_of_year")),
    )
    assert [one.rows for _, one in found.refused] == [(0,), (2,)]
    assert {one.reason for _, one in found.refused} == {"is beyond the last day of its year"}


def test_a_time_that_the_clock_skips_is_blamed_on_all_parts() -> None:
    """None of them alone is wrong."""
    form = DateAndTimeForm(parts=(*DAY, "hour"), timezone="Europe/Berlin")
    found = moments([pa.array([one]) for one in (2013, 3, 31, 2)], form)
    [(parts, refused)] = found.refused
    assert (parts, refused.reason) == (form.parts, "is a local time that the clock skips")


def test_a_manifest_keeps_the_parts_where_they_are_others() -> None:
    """A day and a time of day are as they always were."""
    parts = DateAndTimeForm(timezone="Europe/Berlin", parts=("year", "day_of_year"))
    for form in (parts, DateAndTimeForm(), DateAndTimeForm(time_format="%H%M")):
        assert form_of(form_facts(form)) == form
    assert form_facts(DateAndTimeForm(time_format="%H%M")) == {"time_format": "%H%M"}


def test_an_example_has_each_part() -> None:
    """As the documents of a server show it."""
    shown = datetime(2013, 5, 1, 12, tzinfo=UTC) + timedelta(minutes=5)
    assert DateAndTimeForm(parts=(*DAY, "hour", "minute")).spelt(shown) == (
        *("2013", "5", "1"),
        *("12", "5"),
    )
    assert DateAndTimeForm(parts=("year", "day_of_year")).spelt(shown) == ("2013", "121")
