"""`slipway new` counts the rows that ingestion takes, and leaves absurd dates absurd."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.stages.profile.plausible_times import DEFAULT_DAYS, judge_times
from tests.support.command_line import slipway
from tests.support.new_specs import csv_file

NOW = datetime(2026, 11, 30, tzinfo=UTC)


def series(*parts: Any) -> pd.Series[Any]:
    """Times of some parts."""
    return pd.Series(pd.DatetimeIndex(np.concatenate([pd.DatetimeIndex(one) for one in parts])))


def days(start: str, count: int, freq: str = "D") -> pd.DatetimeIndex:
    """Regular times."""
    return pd.date_range(start, periods=count, freq=freq)


@pytest.mark.parametrize(
    ("times", "tolerance", "absurd"),
    [
        (days("2020-01-01", 900), DEFAULT_DAYS, 0),
        (days("1950-01-01", 70, "YS"), 733, 0),
        (series(days("2008-01-01", 900), ["2046-05-01", "2046-06-01"]), DEFAULT_DAYS, 2),
        (series(days("2008-01-01", 300), days("2009-06-01", 300)), DEFAULT_DAYS, 0),
        (series(days("2026-06-01", 300)), 2 * 117 + 1, 0),
        (series(days("2020-01-01", 300), days("2020-12-25", 100)), 2 * 60 + 1, 0),
    ],
    ids=["daily", "yearly", "two-digit years", "a gap before", "planned", "a gap after"],
)
def test_the_least_tolerance_that_takes_nearly_all(
    times: Any, tolerance: float, absurd: int
) -> None:
    """Few absurd dates raise nothing; many that are planned, or a gap, do."""
    judged = judge_times(pd.Series(times), now=NOW)
    assert judged.tolerance_days == pytest.approx(tolerance, abs=8)
    assert judged.absurd == absurd
    assert int(judged.taken.sum()) == len(times) - absurd


def test_missing_times_are_not_taken() -> None:
    """They are quarantined, and are not absurd."""
    times = pd.Series(days("2020-01-01", 50)).where(np.arange(50) != 7)
    judged = judge_times(times, now=NOW)
    assert (int(judged.taken.sum()), judged.absurd) == (49, 0)
    none = judge_times(times.where(np.zeros(50, bool)), now=NOW)
    assert (none.newest, int(none.taken.sum())) == (None, 0)


def test_a_file_with_absurd_dates_trains_from_itself(home: Path) -> None:
    """What is quarantined counts nowhere, the labels of a first training included."""
    random = np.random.default_rng(3)
    count = 600
    at = pd.date_range("2009-01-01", periods=count, freq="D").strftime("%Y-%m-%d").to_list()
    for row in (5, 77, 140, 300):
        at[row] = f"20{46 + row % 3}-03-05"
    size = random.normal(50, 10, count).round(2)
    gross = (3 * size + random.normal(0, 9, count)).round(2)
    frame = pd.DataFrame({"released": at, "size": size, "gross": gross})
    films = str(csv_file(frame, home / "films.csv"))
    told = slipway("new", films, "--target", "gross", "--yes")
    assert told.exit_code == 0, told.output
    assert "have a time that is too late to be true, after 2010-08-23" in " ".join(
        told.output.split()
    )
    dataset = home / "include" / "datasets" / "films" / "dataset.yaml"
    assert "event_time_tolerance_days" not in dataset.read_text()
    told = slipway("try", "films_gross", films)
    assert "4 went to quarantine" in " ".join(told.output.split())
    assert told.exit_code == 0, told.output
