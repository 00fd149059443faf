"""`slipway new`: event times of columns with a year, a month, a day, an hour and a minute."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.local.new_project import make_project
from slipway.spec import DatasetSpec
from slipway.spec.loading import load_all
from slipway.stages.profile.choose_target import plan_target
from slipway.stages.profile.new_specs import NewSpecs
from slipway.wiring.new_specs import plan_file, profile_file
from slipway.wiring.opened_file import open_file
from slipway.wiring.written_specs import write_specs

ROWS = 600


def table(times: pd.DatetimeIndex, **parts: str) -> pd.DataFrame:
    """Rows at some times, with parts of them by the names of their columns."""
    rng = np.random.default_rng(5)
    columns: dict[str, Any] = {name: parted(times, form) for name, form in parts.items()}
    columns["wind"] = rng.normal(9, 3, len(times)).round(2)
    columns["port"] = rng.choice(["Oban", "Mallaig"], len(times))
    columns["price"] = (columns["wind"] * 3 + rng.normal(0, 1, len(times))).round(3)
    return pd.DataFrame(columns)


def parted(times: pd.DatetimeIndex, form: str) -> Any:
    """A part of each time: a number, a text such as 01, or what a form of `strftime` says."""
    return times.strftime(form) if "%" in form else getattr(times, form)


def planned(frame: pd.DataFrame, folder: Path) -> NewSpecs:
    """The plan of a file of prices, and its check in a project of its own."""
    file = folder / "prices.csv"
    frame.to_csv(file, index=False)
    profiled = profile_file(open_file(file))
    plan = plan_file(profiled, plan_target(profiled.measured, asked="price"))
    make_project(folder / "project")
    write_specs(plan, folder / "project")
    return plan


def dataset(folder: Path) -> DatasetSpec:
    """The dataset that was written."""
    loaded = load_all(folder / "project")
    assert [str(problem) for problem in loaded.problems] == []
    return loaded.datasets["prices"]


HOURLY = pd.date_range("2013-01-01 05:15", periods=ROWS, freq="7h")
DAILY = pd.date_range("2013-01-01", periods=ROWS, freq="D")
MONTHLY = pd.date_range("1950-01-01", periods=ROWS, freq="MS")
BY_NAME: dict[str, tuple[pd.DatetimeIndex, dict[str, str], str]] = {
    "year to minute": (
        HOURLY,
        {one: one for one in ("year", "month", "day", "hour", "minute")},
        "year month day hour minute",
    ),
    "capitals": (DAILY, {"YEAR": "year", "MONTH": "month", "DAY": "day"}, "year month day"),
    "short names": (
        HOURLY,
        {"yr": "year", "mnth": "month", "dy": "day", "hr": "hour"},
        "year month day hour",
    ),
    "German": (DAILY, {"Jahr": "year", "Monat": "month", "Tag": "day"}, "year month day"),
    "French": (DAILY, {"Année": "year", "Mois": "month", "Jour": "day"}, "year month day"),
    "Spanish": (DAILY, {"año": "year", "mes": "month", "día": "day"}, "year month day"),
    "digits with zeros": (DAILY, {"yyyy": "%Y", "mm": "%m", "dd": "%d"}, "year month day"),
    "names of months": (
        DAILY,
        {
            "arrival_date_year": "%Y",
            "arrival_date_month": "%B",
            "arrival_date_week_number": "%V",
            "arrival_date_day_of_month": "%d",
        },
        "year month day",
    ),
    "day of the year": (DAILY, {"year": "year", "doy": "dayofyear"}, "year day_of_year"),
    "year and month": (MONTHLY, {"year": "%Y", "month": "%b"}, "year month"),
    "sold": (DAILY, {"YearBuilt": "year", "MoSold": "month", "YrSold": "year"}, "year month"),
    "a time of day": (
        HOURLY,
        {"year": "year", "month": "month", "day": "day", "sched_dep_time": "%H:%M"},
        "year month day time",
    ),
    "a date beside": (
        HOURLY,
        {"flown": "%d.%m.%Y", "hour": "hour", "minute": "minute"},
        "date hour minute",
    ),
}


@pytest.mark.parametrize("name", BY_NAME)
def test_parts_of_a_time_are_found_by_name_and_range(name: str, tmp_path: Path) -> None:
    """The rows are split by the moment that they make, and the specs pass the check."""
    times, parts, expected = BY_NAME[name]
    plan = planned(table(times, **parts), tmp_path)
    assert " ".join(plan.time.parts) == expected
    assert plan.sizes.split == "time"
    made = dataset(tmp_path)
    assert made.identity.time.form.parts == plan.time.parts
    assert made.identity.time.named == plan.time.columns
    written = (tmp_path / "project/include/datasets/prices/dataset.yaml").read_text()
    [line] = [one for one in written.splitlines() if one.startswith("event_time:")]
    assert f"# {plan.time.why}" in line


def test_a_panel_of_years_has_the_thing_and_the_year_as_its_key(tmp_path: Path) -> None:
    """Whatever the order of its rows; the year is a column of its own still."""
    years = pd.date_range("1990-01-01", periods=25, freq="YS").repeat(24)
    frame = table(years, year="year")
    frame.insert(0, "country", [f"Land {one % 24}" for one in range(ROWS)])
    plan = planned(frame.sample(frac=1, random_state=1), tmp_path)
    assert (plan.time.columns, plan.time.parts) == (("year",), ("year",))
    assert plan.key.columns == ("country", "year")
    assert plan.columns["year"].role == "number"
    assert dataset(tmp_path).arrival.event_time_tolerance_days > 700


def test_a_yearly_series_is_declared_although_its_years_count_rows(tmp_path: Path) -> None:
    """It is key and event time, and no feature; years before 1800 are no time of a row."""
    plan = planned(
        table(pd.date_range("1700-01-01", periods=300, freq="YS"), year="year"), tmp_path
    )
    assert (plan.time.columns, plan.key.columns) == ((), ())
    later = table(pd.date_range("1820-01-01", periods=200, freq="YS"), year="year")
    (tmp_path / "later").mkdir()
    plan = planned(later, tmp_path / "later")
    assert (plan.time.columns, plan.key.columns) == (("year",), ("year",))
    assert "year" in dataset(tmp_path / "later").streams.features.columns


def test_a_day_of_parts_is_one_part_of_a_key(tmp_path: Path) -> None:
    """With the store that it tells apart."""
    days = pd.date_range("2013-01-01", periods=150, freq="D").repeat(4)
    frame = table(days, year="year", month="month", day="day")
    frame.insert(0, "store", [f"S{one % 4}" for one in range(ROWS)])
    plan = planned(frame, tmp_path)
    assert plan.key.columns == ("store", "year", "month", "day")
    dataset(tmp_path)


NO_TIME: dict[str, Callable[[pd.DataFrame], pd.DataFrame]] = {
    "the year of a thing": lambda f: f.assign(year_built=np.arange(ROWS) // 9 + 1900),
    "years in no order": lambda f: f.assign(year=np.arange(ROWS) * 7 % 30 + 1990),
    "two digits": lambda f: f.assign(year=np.arange(ROWS) // 60 + 70, month=5, day=1),
    "months beyond 12": lambda f: f.assign(month=np.arange(ROWS) % 14 + 1),
    "a birth": lambda f: f.assign(birth_year=1990, birth_month=5, birth_day=1),
    "days of a week": lambda f: f.assign(day=np.arange(ROWS) % 7 + 1, hour=5),
}


@pytest.mark.parametrize("name", NO_TIME)
def test_what_only_looks_like_a_time_is_none(name: str, tmp_path: Path) -> None:
    """The arrival counts, as where there is nothing of the kind."""
    plan = planned(NO_TIME[name](table(DAILY)), tmp_path)
    assert plan.time.columns == ()
    dataset(tmp_path)


def test_a_column_of_times_is_preferred_unless_it_is_later_by_its_name(tmp_path: Path) -> None:
    """As in flights with an hour of schedule, and in bookings with a date of their status."""
    frame = table(HOURLY, time_hour="%Y-%m-%d %H:00:00", year="year", month="month", day="day")
    assert planned(frame, tmp_path).time.columns == ("time_hour",)
    (tmp_path / "bookings").mkdir()
    later = frame.rename(columns={"time_hour": "reservation_status_date"})
    plan = planned(later, tmp_path / "bookings")
    assert plan.time.columns == ("year", "month", "day")
    assert "by its name, reservation_status_date is known later" in plan.time.why


def test_rows_without_such_a_day_are_told(tmp_path: Path) -> None:
    """They would be quarantined."""
    frame = table(DAILY, year="year", month="month", day="day")
    frame.loc[100, ["month", "day"]] = [2, 31]
    plan = planned(frame, tmp_path)
    assert plan.time.columns == ("year", "month", "day")
    assert "year, month, day: 0.17% of the rows have no such time, and are quarantined" in (
        plan.doubts
    )


def test_parts_of_the_time_are_written_as_calendar_columns(tmp_path: Path) -> None:
    """The monitor is told of the hour, the weekday and the month; a wind is none of them."""
    frame = table(HOURLY, hr="hour", weekday="dayofweek", mnth="month", pickup="%Y-%m-%d %H:%M")
    planned(frame, tmp_path)
    columns = dataset(tmp_path).streams.features.columns
    kinds = {name: one.kind for name, one in columns.items() if name != "pickup"}
    assert kinds == {
        "hr": "calendar",
        "weekday": "calendar",
        "mnth": "calendar",
        "wind": None,
        "port": None,
    }
