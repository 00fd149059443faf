"""Implausible event times: bad rows of a delivery, which never move the event clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.stages.ingest.event_clock import clock_before, implausible
from tests.support.ingest_env import IngestEnv, features_csv

NOW = datetime(2026, 11, 1, tzinfo=UTC)
JANUARY = datetime(2013, 1, 1, tzinfo=UTC)
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY = timedelta(days=1)
TOLERANCE = 31 * DAY


def _times(*moments: datetime) -> np.ndarray[Any, np.dtype[np.int64]]:
    return np.array([(one - EPOCH) // timedelta(microseconds=1) for one in moments], dtype=np.int64)


def _bad(*moments: datetime, clock: datetime | None = None, now: datetime = NOW) -> list[int]:
    bad = implausible(_times(*moments), clock=clock, now=now, tolerance=TOLERANCE)
    return np.flatnonzero(bad).tolist()


def _days(count: int, *, start: datetime = JANUARY, step: timedelta = DAY) -> list[datetime]:
    return [start + number * step for number in range(count)]


@pytest.mark.parametrize("year", [2014, 2020, 2026, 2099, 2262, 9999])
@pytest.mark.parametrize("clock", [None, JANUARY - DAY, JANUARY + 20 * DAY])
def test_one_absurd_date_is_a_bad_row(year: int, clock: datetime | None) -> None:
    """It is found in a first delivery and in a later one, before the wall clock and after it."""
    absurd = datetime(year, 12, 31, 23, 59, 59, 999_999, tzinfo=UTC)
    assert _bad(*_days(30), absurd, *_days(30), clock=clock) == [30]


def test_times_within_the_tolerance_extend_one_another() -> None:
    """The border itself is within it."""
    assert _bad(*_days(30), JANUARY + 60 * DAY) == []
    assert _bad(*_days(30), JANUARY + 60 * DAY + timedelta(microseconds=1)) == [30]


@pytest.mark.parametrize("years", [1, 5, 13])
def test_a_delivery_after_a_long_gap_is_plausible_as_a_whole(years: int) -> None:
    """Its median vouches for it, however far the clock is behind."""
    start = JANUARY + years * 360 * DAY
    assert _bad(*_days(60, start=start), clock=JANUARY) == []
    assert _bad(start, clock=JANUARY) == []


def test_of_two_rows_the_one_near_the_clock_is_right() -> None:
    """A small delivery cannot move the clock by half of its rows."""
    assert _bad(JANUARY + DAY, datetime(2020, 1, 1, tzinfo=UTC), clock=JANUARY) == [1]
    assert _bad(*_days(4, start=JANUARY + 900 * DAY, step=90 * DAY), clock=JANUARY) == []


def test_a_late_delivery_is_plausible() -> None:
    """Times before the clock never count as implausible."""
    assert _bad(*_days(10), clock=JANUARY + 4000 * DAY) == []


def test_old_data_are_plausible_as_the_first_delivery() -> None:
    """A replay of a year long ago needs no wall clock."""
    assert _bad(*_days(365, start=datetime(1903, 1, 1, tzinfo=UTC))) == []


@pytest.mark.parametrize("step", [90 * DAY, 365 * DAY, 3653 * DAY])
def test_a_sparse_series_is_plausible(step: timedelta) -> None:
    """Yearly rows lie further apart than the tolerance, and all are usual."""
    start = datetime(1950, 1, 1, tzinfo=UTC)
    for count in (1, 2, 3, 7):
        assert _bad(*_days(count, start=start, step=step)) == []


def test_times_ahead_of_the_wall_clock_by_more_than_the_tolerance_are_bad() -> None:
    """However many rows have them."""
    assert _bad(*_days(10, start=NOW + 32 * DAY)) == list(range(10))
    assert _bad(*_days(10, start=NOW + 20 * DAY)) == []


def test_a_poisoned_clock_does_not_count() -> None:
    """A dataset whose clock stands in the year 9999 takes its next delivery by its own times."""
    poisoned = datetime(9999, 12, 31, tzinfo=UTC)
    assert _bad(*_days(30), datetime(2020, 1, 1, tzinfo=UTC), clock=poisoned) == [30]


@given(
    st.lists(st.integers(0, 40_000), min_size=1, max_size=60),
    st.none() | st.integers(0, 40_000),
    st.randoms(),
)
def test_what_is_plausible_has_a_border(days: list[int], clock: int | None, random: Any) -> None:
    """Every good time is before every bad one, half of them are good, and order plays no part."""
    given_clock = None if clock is None else EPOCH + clock * DAY
    now = EPOCH + 50_000 * DAY
    moments = [EPOCH + one * DAY for one in days]
    bad = _bad(*moments, clock=given_clock, now=now)
    good = [one for place, one in enumerate(days) if place not in bad]
    assert 2 * len(good) >= len(days)
    assert all(max(good) < days[place] for place in bad)
    assert all(clock < days[place] for place in bad if clock is not None)
    shuffled = random.sample(days, len(days))
    again = _bad(*(EPOCH + one * DAY for one in shuffled), clock=given_clock, now=now)
    assert sorted(shuffled[place] for place in again) == sorted(days[place] for place in bad)


def test_a_correction_is_not_measured_by_what_it_replaces() -> None:
    """The clock before a delivery leaves its own batch out."""
    env = IngestEnv()
    assert clock_before(env.spec, env.tables, batch="b1") is None
    env.deliver("features/b1.csv", features_csv(1))
    assert clock_before(env.spec, env.tables, batch="b1") is None
    env.deliver("features/b2.csv", features_csv(2))
    assert clock_before(env.spec, env.tables, batch="b2") == JANUARY + timedelta(hours=2)
    assert clock_before(env.spec, env.tables, batch="b1") == JANUARY + timedelta(hours=26)
