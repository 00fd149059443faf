"""The flights sample: real data, reproducible, and accepted by ingestion."""

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
from tests.support.validated import Validated, validate

FLIGHTS = Path(__file__).resolve().parents[2] / "include" / "datasets" / "flights"
SPEC = load_dataset(FLIGHTS)
MONTHS = [f"2013-{month:02d}" for month in range(1, 13)]
SUFFIXES: Mapping[StreamName, str] = {"features": ".parquet", "labels": ".csv"}


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of all deliveries."""
    target = tmp_path_factory.mktemp("flights")
    make_sample(FLIGHTS, target, progress=Progress(disable=True))
    return target


@pytest.fixture(scope="module")
def year(sample: Path) -> Mapping[str, pd.DataFrame]:
    """All rows of each stream."""
    return {
        "features": pd.concat(map(pd.read_parquet, sorted((sample / "features").iterdir()))),
        "labels": pd.concat(map(pd.read_csv, sorted((sample / "labels").iterdir()))),
    }


def _examine(file: Path, stream: StreamName) -> Validated:
    delivery = open_delivery(file, file.suffix, csv=SPEC.csv)
    return validate(delivery, SPEC, stream=stream, suites=ExpectationSuites())


def _file(sample: Path, stream: StreamName, month: str) -> Path:
    return sample / stream / f"{month}{SUFFIXES[stream]}"


def test_there_are_twelve_months_of_both_streams(sample: Path) -> None:
    """Named as batches that the arrival registry lists."""
    assert sorted(file.name for file in (sample / "features").iterdir()) == [
        f"{month}.parquet" for month in MONTHS
    ]
    assert sorted(file.name for file in (sample / "labels").iterdir()) == [
        f"{month}.csv" for month in MONTHS
    ]


def test_it_is_the_same_byte_for_byte_every_time(sample: Path, tmp_path: Path) -> None:
    """So a second `slipway sample` delivers duplicates, never revisions."""
    with Progress(disable=True) as progress:
        files = make_sample(FLIGHTS, tmp_path, progress=progress)
    assert len(files) == 24
    assert progress.finished
    for file in files:
        assert file.read_bytes() == (sample / file.relative_to(tmp_path)).read_bytes()


def test_every_flight_of_the_year_has_a_key_of_its_own(year: Mapping[str, pd.DataFrame]) -> None:
    """All of them are features; the ones that arrived have a label."""
    features, labels = year["features"], year["labels"]
    assert len(features) == 336_776
    assert features["flight_id"].is_unique
    assert len(labels) == 327_346
    assert labels["flight_id"].is_unique
    assert labels["flight_id"].isin(features["flight_id"]).all()
    assert (labels["late"] == (labels["arrival_delay_minutes"] > 15)).all()
    assert features["flight_id"].iloc[0] == "2013-01-01-UA-1545-EWR-0515"


def test_the_event_time_is_the_scheduled_departure_in_utc(
    year: Mapping[str, pd.DataFrame],
) -> None:
    """New York's local time with its summer time, also on the days of the clock changes."""
    features = year["features"]
    local = features["scheduled_departure"].dt.tz_convert("America/New_York")
    day, clock = features["flight_id"].str[:10], features["flight_id"].str[-4:]
    assert (local.dt.tz_localize(None).dt.normalize() == pd.to_datetime(day)).all()
    assert (local.dt.hour * 100 + local.dt.minute == clock.astype(int)).all()
    assert (local.dt.hour * 60 + local.dt.minute == features["minute_of_day"]).all()
    assert (local.dt.weekday == features["weekday"]).all()


def test_nothing_is_known_that_happens_after_the_prediction(
    year: Mapping[str, pd.DataFrame],
) -> None:
    """Columns are the declared ones, and none is about the actual departure or arrival."""
    assert list(year["features"]) == list(SPEC.streams.features.columns)
    assert list(year["labels"]) == list(SPEC.streams.labels.columns)
    assert not [name for name in year["features"] if name.startswith(("dep_", "arr", "air"))]


def test_expectations_are_written_rightly_and_are_enough() -> None:
    """About a dozen of each stream, of both severities and both levels."""
    for stream in SUFFIXES:
        expectations = SPEC.expectations[stream]
        assert check_expectations(expectations) == []
        assert {one.severity for one in expectations} == {"critical", "warning"}
        assert {ExpectationSuites().scope(one).by_row for one in expectations} == {True, False}


@pytest.mark.parametrize("month", MONTHS)
def test_a_real_month_passes_but_for_its_truly_bad_rows(sample: Path, month: str) -> None:
    """In the whole year it is one row: 17 miles from Newark to LaGuardia, in July."""
    features = _examine(_file(sample, "features", month), "features")
    labels = _examine(_file(sample, "labels", month), "labels")
    assert (features.blocks, labels.blocks) == ((), ())
    assert len(features.reasons) == (1 if month == "2013-07" else 0)
    assert labels.reasons == {}
    without_pressure = [warning for warning in features.warnings if "pressure_hpa" in warning]
    assert list(features.warnings) == without_pressure
    assert bool(without_pressure) is (month in {"2013-05", "2013-12"})
    assert labels.warnings == ()


def test_kilometres_for_miles_pass_validation(sample: Path, tmp_path: Path) -> None:
    """Drift monitoring finds a changed unit."""
    rows = pd.read_parquet(_file(sample, "features", "2013-10"))
    rows["distance_miles"] *= 1.609
    rows.to_parquet(tmp_path / "2013-10.parquet", index=False)
    seen = _examine(tmp_path / "2013-10.parquet", "features")
    assert (seen.reasons, seen.blocks) == ({}, ())


def test_labels_that_are_almost_all_late_are_blocked(sample: Path, tmp_path: Path) -> None:
    """The share of late flights is a batch-level expectation."""
    rows = pd.read_csv(_file(sample, "labels", "2013-10"), dtype="str")
    rows.assign(late="1").to_csv(tmp_path / "2013-10.csv", index=False)
    seen = _examine(tmp_path / "2013-10.csv", "labels")
    assert any("expect_column_mean_to_be_between of late" in block for block in seen.blocks)
