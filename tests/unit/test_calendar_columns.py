"""Columns that follow the event time: told in the reference, compared by it, and never drift."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.records.run_context import RunContext
from slipway.records.verdicts import Verdict
from slipway.spec import DatasetSpec
from slipway.stages.monitor.drift.measure_drift import measure_drift
from slipway.stages.monitor.quality.calendar_columns import find_calendar_columns
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.monitor.reference.reference import Reference
from slipway.stages.monitor.reference.reference_sample import reduce_reference
from tests.fakes.memory_store import MemoryStore
from tests.fakes.monitoring import MemoryLog, MonitoringRegistry, PlainReports
from tests.support import ferry_dataset

MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]


APRIL = datetime(2013, 4, 1, tzinfo=UTC)


def hours(days: int, *, start: str = "2012-01-01") -> pd.DataFrame:
    """A row for each hour, with what bicycle rentals and electricity prices have of the time."""
    times = pd.Series(pd.date_range(start, periods=24 * days, freq="h", tz="UTC"))
    random = np.random.default_rng(1)
    return pd.DataFrame(
        {
            "times": times,
            "hr": times.dt.hour.astype(float),
            "period": times.dt.hour / 23,
            "weekday": times.dt.dayofweek.astype(float),
            "day": times.dt.day.astype(float),
            "mnth": times.dt.month.astype(float),
            "month_name": times.dt.month.map(lambda month: MONTHS[month - 1]),
            "season": (times.dt.month % 12 // 3 + 1).astype(float),
            "yr": (times.dt.year - 2012).astype(float),
            "instant": np.arange(len(times), dtype=float),
            "temp": 10 - 9 * np.cos(times.dt.dayofyear / 58) + random.normal(0, 2, len(times)),
            "daily_temp": random.normal(10, 5, days).repeat(24),
            "holiday": (random.random(days) < 0.03).repeat(24).astype(float),
            "wind": random.gamma(4, 3, len(times)),
            "constant": 1.0,
        }
    )


def found(rows: pd.DataFrame, **given: Any) -> dict[str, str | None]:
    """The part of the time that each calendar column follows; None: none that comes again."""
    columns = rows.drop(columns="times")
    named = {"numeric": [one for one in columns if one != "month_name"], "declared": (), **given}
    listed = find_calendar_columns(columns, rows["times"], **named)
    return {one.name: None if one.part is None else one.part.name for one in listed}


def test_clocks_of_a_year_are_told_and_weather_is_not() -> None:
    """Case 30: what comes again is told by its part, a month seen once has none to compare with."""
    assert found(hours(330)) == {
        "hr": "hour of the day",
        "period": "hour of the day",
        "weekday": "day of the week",
        "day": "day of the month",
        "mnth": None,
        "month_name": None,
        "season": None,
        "instant": None,
    }


def test_a_month_that_came_twice_is_compared_with_its_season() -> None:
    """After two years the reference has each month again."""
    told = found(hours(740))
    assert told["mnth"] == told["month_name"] == told["season"] == "month of the year"


def test_the_spec_calls_a_column_a_calendar_or_none() -> None:
    """`kind: calendar` compares with one season, too; `watch: true` compares like any other."""
    told = found(hours(330), declared={"mnth", "wind"}, watched={"hr", "instant"})
    assert told["mnth"] == "month of the year"
    assert told["wind"] is None
    assert "hr" not in told
    assert "instant" not in told


@pytest.mark.parametrize("seed", range(5))
def test_columns_that_do_not_follow_the_time_are_watched(seed: int) -> None:
    """Numbers, categories and rare truths that change when they like; a trend under noise too."""
    random, count = np.random.default_rng(seed), 3000
    times = pd.Series(pd.date_range("2013-01-01", periods=count, freq="20min", tz="UTC"))
    rows = pd.DataFrame(
        {
            "times": times,
            "rare": (random.random(count) < 0.01).astype(float),
            "port": random.choice(["Oban", "Mallaig"], count),
            "trend": np.arange(count) / count + random.normal(0, 0.2, count),
            "regime": np.repeat(random.integers(0, 3, 10), count // 10).astype(float),
            "flag": (np.arange(count) > count / 2).astype(float),
        }
    )
    assert found(rows, numeric=["rare", "trend", "regime", "flag"]) == {}


def verdict_of(*, hours_off: int = 0, **fields: dict[str, Any]) -> Verdict:
    """The verdict on April of ferries whose month and hour are features."""
    reference = ferry_dataset.crossings(days=90).drop(columns=["crossing", "late"])
    rows = ferry_dataset.crossings(days=30, start=APRIL, seed=2)
    return measure_drift(
        ferry_dataset.model(),
        dataset_with(fields),
        window="2013-04-v1",
        context=RunContext(MemoryStore(), {}),
        registry=MonitoringRegistry(
            "ferry_delay",
            references={1: clocked(reference, "departs").assign(part="training")},
            numeric=["wind", "hr", "mnth"],
            categorical=["port"],
        ),
        log=MemoryLog(clocked(ferry_dataset.logged(rows), "event_time", hours_off=hours_off)),
        reports=PlainReports(),
    ).verdict


def clocked(rows: pd.DataFrame, time: str, *, hours_off: int = 0) -> pd.DataFrame:
    """Rows with the hour and the month of their time."""
    hour = (rows[time].dt.hour + hours_off) % 24
    return rows.assign(hr=hour.astype(float), mnth=rows[time].dt.month.astype(float))


def dataset_with(fields: dict[str, Any]) -> DatasetSpec:
    """The ferries' dataset with the two columns."""
    made = ferry_dataset.dataset().model_dump(by_alias=True)
    for name in ("hr", "mnth"):
        made["streams"]["features"]["columns"][name] = {"type": "number", **fields.get(name, {})}
    return DatasetSpec.model_validate(made)


def test_a_new_month_is_no_drift() -> None:
    """Case 30: `mnth` is 4 for the first time; the verdict names it as not compared."""
    verdict = verdict_of()
    assert verdict.action == "ok"
    assert verdict.reason.endswith(
        "Not watched: follows the calendar, and the reference has no like season (mnth)."
    )
    assert not [name for name in verdict.numbers if "mnth" in name or "hr" in name]


def test_an_hour_of_another_zone_is_found_though_its_distribution_is_the_same() -> None:
    """Each row is compared with its own event time."""
    verdict = verdict_of(hours_off=2)
    assert verdict.action == "drifting"
    assert verdict.reason.startswith(
        "Quality: hr is not what the reference has at the same hour of the day in 100.0% of rows"
    )
    assert verdict.numbers["quality"] == "drifting"
    assert verdict.numbers["quality.calendar.hr"] == 1.0


def test_summer_time_is_no_finding() -> None:
    """A local hour is an hour off in the season that the reference has not seen."""
    assert verdict_of(hours_off=1).action == "ok"


def test_unwatched_columns_are_left_alone() -> None:
    """`watch: false` says so in the verdict, and finds nothing."""
    verdict = verdict_of(hours_off=2, hr={"watch": False}, mnth={"watch": False})
    assert verdict.action == "ok"
    assert verdict.reason.endswith("Not watched: `watch: false` (hr, mnth).")


def test_a_watched_month_drifts_like_any_other_column() -> None:
    """`watch: true` overrules what was found."""
    verdict = verdict_of(mnth={"watch": True})
    assert "mnth is outside the reference's values in 100.0%" in verdict.reason


@pytest.mark.parametrize(
    ("stream", "field"), [("features", {"kind": "calendar", "watch": True}), ("labels", {})]
)
def test_fields_without_effect_are_refused(stream: str, field: dict[str, Any]) -> None:
    """Both together, and either at a label."""
    made = ferry_dataset.dataset().model_dump(by_alias=True)
    name = "wind" if stream == "features" else "late"
    made["streams"][stream]["columns"][name] |= field or {"watch": False}
    with pytest.raises(ValueError, match="has no effect"):
        DatasetSpec.model_validate(made)


def test_a_verdict_names_as_many_columns_as_it_has_room_for() -> None:
    """Hundreds of counters do not keep a window from being recorded."""
    times = pd.Series(pd.date_range("2013-01-01", periods=100, freq="h", tz="UTC"))
    names = tuple(f"counter{number}" for number in range(300))
    rows = pd.DataFrame(dict.fromkeys(names, np.arange(100.0)))
    columns = Columns(names, (), "psi", "psi", scores=())
    sample = reduce_reference(rows, times, columns, window=timedelta(days=7))
    reference = Reference(sample, columns)
    told = reference.tell_left_out()
    assert told.endswith("counter8, counter9 and 290 more).")
    assert len(told) < 250
