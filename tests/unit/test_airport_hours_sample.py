"""The sample of airport hours: departures per hour, counted from real flights."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pandas as pd
import pytest
from rich.progress import Progress

from slipway.adapters.expectations.mistakes import check_expectations
from slipway.adapters.expectations.suites import ExpectationSuites
from slipway.adapters.sources.open_delivery import open_delivery
from slipway.local.sample_deliveries import make_sample
from slipway.spec.dataset import StreamName
from slipway.spec.loading import load_dataset
from tests.support.validated import validate

FOLDER = Path(__file__).resolve().parents[2] / "include" / "datasets" / "airport_hours"
SPEC = load_dataset(FOLDER)
MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
SUFFIXES: Mapping[StreamName, str] = {"features": ".parquet", "labels": ".csv"}
AIRPORTS = 3
HOURS_OF_A_YEAR = 365 * 24


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all deliveries."""
    target = tmp_path_factory.mktemp("hours")
    make_sample(FOLDER, target, progress=Progress(disable=True))
    return target


@pytest.fixture(scope="module")
def year(sample: Path) -> pd.DataFrame:
    """Every hour with its label, in time order."""
    features = pd.concat(map(pd.read_parquet, sorted((sample / "features").iterdir())))
    labels = pd.concat(map(pd.read_csv, sorted((sample / "labels").iterdir())))
    return features.merge(labels, on="airport_hour", validate="one_to_one")


def test_it_is_the_same_byte_for_byte_every_time(sample: Path, tmp_path: Path) -> None:
    """Twelve months of both streams; a second sample delivers only duplicates."""
    files = make_sample(FOLDER, tmp_path, progress=Progress(disable=True))
    assert sorted({file.stem for file in files}) == MONTHS
    assert len(files) == 24
    for file in files:
        assert file.read_bytes() == (sample / file.relative_to(tmp_path)).read_bytes()


def test_every_hour_of_the_year_is_there(year: pd.DataFrame) -> None:
    """At each airport, also the fifth of them without a departure."""
    assert len(year) == AIRPORTS * HOURS_OF_A_YEAR
    assert year["airport_hour"].is_unique
    times = year.loc[year["origin"] == "JFK", "hour_start"]
    assert (times.diff().dropna() == pd.Timedelta(hours=1)).all()
    assert 0.15 < (year["departures"] == 0).mean() < 0.25
    # 336,776 flights less 8,255 cancelled ones, less three that left after the last hour.
    assert year["departures"].sum() == 328_518


def test_lags_are_what_had_happened_when_the_hour_began(year: pd.DataFrame) -> None:
    """A day and a week earlier, their means, and the 24 hours before; empty before the year."""
    newark = year[year["origin"] == "EWR"].reset_index(drop=True)
    left = newark["departures"]
    assert newark["departures_day_before"].equals(left.shift(24).astype("float64"))
    assert newark["departures_week_before"].equals(left.shift(168).astype("float64"))
    row = newark.iloc[2000]
    assert row["departures_mean_7_days"] == left[[2000 - 24 * n for n in range(1, 8)]].mean()
    assert row["departures_mean_4_weeks"] == left[[2000 - 168 * n for n in range(1, 5)]].mean()
    assert row["departures_last_24_hours"] == left[1976:2000].sum()
    assert newark["departures_day_before"].isna().sum() == 24


def test_the_local_clock_follows_summer_time(year: pd.DataFrame) -> None:
    """Hours are in UTC, and their typical value follows New York's clock."""
    local = year["hour_start"].dt.tz_convert("America/New_York")
    assert (local.dt.hour == year["local_hour"]).all()
    assert (local.dt.weekday == year["local_weekday"]).all()
    busy = year.groupby("local_hour")["departures"].mean()
    assert (busy[3] < 0.1, busy[8] > 10) == (True, True)


@pytest.mark.parametrize("month", MONTHS)
def test_a_real_month_passes_but_for_its_truly_bad_row(sample: Path, month: str) -> None:
    """In the whole year it is one row: 1,048 mph of wind, in February."""
    for stream, suffix in SUFFIXES.items():
        path = sample / stream / f"{month}{suffix}"
        delivery = open_delivery(path, suffix, csv=SPEC.csv)
        seen = validate(delivery, SPEC, stream=stream, suites=ExpectationSuites())
        assert (seen.blocks, seen.warnings) == ((), ())
        bad = 1 if (stream, month) == ("features", "2013-02") else 0
        assert len(seen.reasons) == bad


def test_expectations_are_written_rightly() -> None:
    """Great Expectations accepts them, and both severities occur."""
    for stream in SUFFIXES:
        assert check_expectations(SPEC.expectations[stream]) == []
    assert {one.severity for one in SPEC.expectations["features"]} == {"critical", "warning"}
