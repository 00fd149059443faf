"""Calendar windows: half-open, in UTC, without gaps, with ids that read back."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.errors import BadParameter
from slipway.stages.monitor.windows.windows import (
    MonitoredWindow,
    Unit,
    closed_windows,
    overlapping_windows,
    parse_monitored_window,
    parse_window,
    window_at,
)
from slipway.values.value_types import LATEST

UNITS = st.sampled_from(["hour", "day", "week", "month"])
MOMENTS = st.integers(978_307_200, 4_070_908_800).map(lambda s: datetime.fromtimestamp(s, UTC))


@given(MOMENTS, UNITS)
def test_a_time_lies_in_its_window(moment: datetime, unit: Unit) -> None:
    """A window holds its time, and has calendar boundaries."""
    window = window_at(moment, unit)
    assert window.start <= moment < window.end
    assert window_at(window.start, unit) == window
    assert window_at(window.end - timedelta(microseconds=1), unit) == window


@given(MOMENTS, UNITS)
def test_windows_follow_without_a_gap(moment: datetime, unit: Unit) -> None:
    """The next window begins where this one ends."""
    window = window_at(moment, unit)
    assert window.following().start == window.end
    assert window.following().end > window.end


@given(MOMENTS, UNITS, st.integers(1, 10_000))
def test_an_id_reads_back_as_its_window(moment: datetime, unit: Unit, version: int) -> None:
    """For every window and version."""
    watched = MonitoredWindow(window_at(moment, unit), version)
    assert parse_monitored_window(watched.id, unit) == watched


@given(MOMENTS, st.integers(1, 60), UNITS, st.integers(1, 10_000))
def test_an_id_of_joined_windows_reads_back(
    moment: datetime, count: int, unit: Unit, version: int
) -> None:
    """They are named after the first and the last, and sort by the first."""
    first = last = window_at(moment, unit)
    for _ in range(count):
        last = last.following()
    joined = MonitoredWindow(first.until(last), version)
    assert joined.window.is_joined
    assert joined.id == f"{first.name}--{last.name}-v{version}"
    assert parse_monitored_window(joined.id, unit) == joined
    assert first.name < joined.window.name < first.following().name
    assert joined.window.following() == last.following()


@given(MOMENTS, MOMENTS, UNITS)
def test_names_sort_as_windows_do(one: datetime, other: datetime, unit: Unit) -> None:
    """Names of one unit sort like the windows in time."""
    first, second = window_at(one, unit), window_at(other, unit)
    assert (first.name < second.name) == (first.start < second.start)


@pytest.mark.parametrize(
    "text",
    [
        "9999-12-v1",
        "",
        "2013-05",
        "2013-05-v0",
        "2013-13-v1",
        "2013-5-v1",
        "2013-05-06-v1",
        "../x-v1",
        "2013-05--2013-05-v1",
        "2013-06--2013-05-v1",
        "2013-05---2013-06-v1",
        "2013-05--v1",
    ],
)
def test_other_ids_are_refused(text: str) -> None:
    """The error has an example of a valid id."""
    with pytest.raises(BadParameter) as refused:
        parse_monitored_window(text, "month")
    assert "2013-05-v3" in str(refused.value)


def test_a_window_is_closed_once_the_clock_has_reached_its_end() -> None:
    """The window of the clock is open; at its end it is closed."""
    since = datetime(2013, 1, 20, tzinfo=UTC)
    end = datetime(2013, 4, 1, tzinfo=UTC)
    before = [one.name for one in closed_windows(since, end - timedelta(seconds=1), "month")]
    assert before == ["2013-01", "2013-02"]
    assert [one.name for one in closed_windows(since, end, "month")][-1] == "2013-03"


def test_local_times_fall_into_utc_windows() -> None:
    """Windows are in UTC, whatever a time's zone."""
    moment = datetime(2013, 5, 31, 23, tzinfo=timezone(timedelta(hours=-4)))
    assert window_at(moment, "month").name == "2013-06"


def test_a_week_belongs_to_its_iso_year() -> None:
    """The last days of December may belong to week 1 of the next year."""
    assert window_at(datetime(2013, 12, 31, tzinfo=UTC), "week").name == "2014-W01"


@pytest.mark.parametrize("parse", [parse_window, parse_monitored_window])
def test_an_error_shows_the_first_forty_characters(parse: Callable[..., object]) -> None:
    """The rest of a text that is no window would fill a task's log."""
    with pytest.raises(BadParameter) as refused:
        parse("2013-05-" + "x" * 100, "month")
    assert refused.value.found == "2013-05-" + "x" * 32


@pytest.mark.parametrize("unit", ["hour", "day", "week", "month"])
def test_windows_end_with_the_calendar(unit: Unit) -> None:
    """A clock in the year 9999 ends the list of windows, and raises nothing."""
    last = window_at(LATEST, unit)
    assert last.is_last
    assert last.end == LATEST
    shortly = LATEST - timedelta(days=62)
    closed = list(closed_windows(shortly, LATEST, unit))
    assert closed
    assert closed[-1].following() == last
    spanned = list(overlapping_windows(shortly, LATEST, unit))
    assert spanned == [*closed, last]


@given(MOMENTS, st.integers(0, 400), UNITS)
def test_overlapping_windows_cover_a_span_without_gaps(
    first: datetime, hours: int, unit: Unit
) -> None:
    """From the window of its first moment to the one of its last."""
    final = first + timedelta(hours=hours)
    windows = list(overlapping_windows(first, final, unit))
    assert windows[0] == window_at(first, unit)
    assert windows[-1] == window_at(final, unit)
    assert all(one.following() == other for one, other in itertools.pairwise(windows))
