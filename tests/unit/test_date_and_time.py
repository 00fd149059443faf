"""Event times of two columns: each part has its own form, and both have one zone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pyarrow as pa
import pytest

from slipway.values.bad_value import BadValue
from slipway.values.date_and_time import DateAndTimeForm
from slipway.values.kernels import arrow_type
from slipway.values.moments import moments
from slipway.values.value_types import ColumnType, Value

MIDDAY = datetime(2013, 5, 1, 12, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("form", "date", "clock"),
    [
        (DateAndTimeForm(), "2013-05-01", "12:05"),
        (DateAndTimeForm(), "2013-05-01", "12:05:00.000"),
        (DateAndTimeForm(), "2013-05-01 00:00:00", " 14:05+02:00"),
        (DateAndTimeForm(date_format="%d.%m.%Y", time_format="%H.%M"), "01.05.2013", "12.05"),
        (DateAndTimeForm(date_format="%Y%m%d", time_format="%H%M"), 20130501, 1205),
        (DateAndTimeForm(time_format="%I:%M %p"), "2013-05-01", "12:05 PM"),
        (DateAndTimeForm(timezone="Europe/Berlin"), "2013-05-01", "14:05"),
        (
            DateAndTimeForm(timezone="America/New_York", date_timezone="America/New_York"),
            datetime(2013, 5, 1, 4, tzinfo=UTC),
            "08:05",
        ),
    ],
)
def test_both_parts_make_one_moment(form: DateAndTimeForm, date: Value, clock: Value) -> None:
    """As single values of a request, and as columns of a delivery."""
    day, hour = form.read("date", date), form.read("time", clock)
    assert day is not None
    assert hour is not None
    assert form.moment({"date": day, "time": hour}) == MIDDAY
    found = moments([_array(date), _array(clock)], form)
    assert (found.values.to_pylist(), found.refused) == ([MIDDAY], ())


@pytest.mark.parametrize("minutes", [5, 45, 517, 2359, 0])
def test_an_integer_gets_its_zeros_in_front(minutes: int) -> None:
    """45 is a quarter to one, and not five past four."""
    form = DateAndTimeForm(time_format="%H%M")
    assert form.read("time", minutes) == f"{minutes // 100:02d}:{minutes % 100:02d}:00"


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("25:00", "does not exist"),
        ("noon", "is no time of day, such as 14:05"),
        ("517", "is no time of day, such as 14:05"),
    ],
)
def test_a_bad_time_of_day_is_refused_by_its_reason(value: str, reason: str) -> None:
    """The hint names the field that would accept it."""
    with pytest.raises(BadValue, match=reason):
        DateAndTimeForm().read("time", value)


def test_each_part_is_refused_by_itself() -> None:
    """The rows of each reason are known; a cell without a value is a fault of its column."""
    dates = pa.array(["2013-05-01", "1.5.2013", "2013-05-01", None, "2013-05-01", "2013-03-31"])
    times = pa.array(["12:05", "12:05", "12.05", "12:05", "NA", "02:30"])
    found = moments([dates, times], DateAndTimeForm(timezone="Europe/Berlin"))
    assert found.values.is_valid().to_pylist() == [True, *[False] * 5]
    rows = [(parts, one.reason, one.rows) for parts, one in found.refused]
    assert rows == [
        (("date",), "is no day, such as 2013-05-01", (1,)),
        (("time",), "is no time of day, such as 14:05", (2,)),
        (("time",), "is missing", (4,)),
        (("date", "time"), "is a local time that the clock skips", (5,)),
    ]


def test_a_day_with_a_time_of_day_is_no_day() -> None:
    """Which of the two times counts would be a guess."""
    with pytest.raises(BadValue, match="has a time of day beside the day"):
        DateAndTimeForm().read("date", "2013-05-01T12:00")


def _array(value: Any) -> pa.Array:
    kinds: dict[type, ColumnType] = {str: "string", int: "integer", datetime: "timestamp"}
    return pa.array([value], arrow_type(kinds[type(value)]))
