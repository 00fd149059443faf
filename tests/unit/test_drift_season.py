"""A yearly season is no drift: windows are compared with their season, and a new one is named."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from slipway.records.verdicts import Verdict
from slipway.spec import ModelSpec
from slipway.stages.monitor.drift.distances import Comparison, calibrate_reference, compare
from slipway.stages.monitor.drift.judge_drift import judge_drift
from slipway.stages.monitor.reference.columns import Columns
from slipway.stages.monitor.reference.season import is_season_seen, of_season
from tests.support import ferry_dataset

COLUMNS = Columns(("temperature", "wind"), (), "jensenshannon", "psi")
START, ROWS_A_DAY, WEEK = datetime(2021, 1, 1, tzinfo=UTC), 40, timedelta(days=7)


def days(first: datetime, count: int) -> pd.Series[Any]:
    """Event times of rows, so many days from the first."""
    return pd.Series(
        pd.Timestamp(first) + pd.to_timedelta(np.arange(count * ROWS_A_DAY) // ROWS_A_DAY, unit="D")
    )


def weather(times: pd.Series[Any], *, seed: int) -> pd.DataFrame:
    """Rows whose temperature follows the year, and whose wind does not."""
    random = np.random.default_rng(seed)
    year = -np.cos(2 * np.pi * times.dt.dayofyear.to_numpy() / 365.25)
    return pd.DataFrame(
        {
            "temperature": 12 * year + random.normal(0, 3, len(times)),
            "wind": random.gamma(4, 3, len(times)),
        }
    )


def model(reference: str) -> ModelSpec:
    """A model with weekly windows that are compared with all rows, or with their season."""
    drift = {"reference": reference}
    return ferry_dataset.model(monitoring={"window": "week", "min_rows": 150, "drift": drift})


def judged(
    reference: str, *, known_days: int, week: datetime, **changed: Any
) -> tuple[Verdict, Comparison]:
    """The verdict on a week after a reference of so many days, with some columns changed."""
    times, later, spec = days(START, known_days), days(week, 7), model(reference)
    known = calibrate_reference(
        weather(times, seed=1),
        times,
        columns=COLUMNS,
        window=WEEK,
        window_rows=len(later),
        spec=spec,
        middle=week + WEEK / 2,
    )
    rows = weather(later, seed=2)
    comparison = compare(
        rows.assign(**{name: change(rows[name]) for name, change in changed.items()}),
        known,
        seed=7,
    )
    return judge_drift(comparison, spec.monitoring), comparison


def test_a_season_goes_over_the_end_of_the_year() -> None:
    """Thirty days before and after the middle, in any year."""
    times = days(datetime(2021, 11, 1, tzinfo=UTC), 120)
    kept = times[of_season(times, datetime(2024, 1, 5, tzinfo=UTC))]
    assert (kept.min().date().isoformat(), kept.max().date().isoformat()) == (
        "2021-12-07",
        "2022-02-04",
    )


@pytest.mark.parametrize(
    ("known_days", "middle", "expected"),
    [
        (90, datetime(2021, 4, 3, tzinfo=UTC), False),
        (90, datetime(2021, 3, 31, tzinfo=UTC), True),
        (90, datetime(2021, 7, 15, tzinfo=UTC), False),
        (90, datetime(2022, 2, 1, tzinfo=UTC), True),
        (366, datetime(2022, 7, 15, tzinfo=UTC), True),
    ],
)
def test_a_season_is_seen_with_half_of_its_days(
    known_days: int, middle: datetime, expected: object
) -> None:
    """The first days after a reference are; three months later are not, and a year has all."""
    assert is_season_seen(days(START, known_days), middle) is expected


def test_a_season_that_the_reference_has_not_seen_is_named_and_judged() -> None:
    """Compared with all rows, summer drifts from a winter, and the verdict says what may be why."""
    july = datetime(2021, 7, 12, tzinfo=UTC)
    verdict, _ = judged("all", known_days=90, week=july)
    assert verdict.action == "drifting"
    assert "Season not yet seen: the reference has fewer than half of the days" in verdict.reason
    assert verdict.numbers["season_seen"] == 0


def test_a_season_that_the_reference_has_seen_is_not_named() -> None:
    """A drift of another cause says nothing on seasons."""
    january = datetime(2022, 1, 10, tzinfo=UTC)
    verdict, _ = judged("all", known_days=300, week=january, wind=lambda wind: wind * 1.609)
    assert verdict.action == "drifting"
    assert "Season" not in verdict.reason


def test_compared_with_its_season_a_new_one_waits_but_for_nulls() -> None:
    """There is nothing to compare with; missing values are missing in any season."""
    july = datetime(2021, 7, 12, tzinfo=UTC)
    verdict, _ = judged("season", known_days=90, week=july, wind=lambda wind: wind * 9)
    assert verdict.action == "inconclusive"
    assert "Season not yet seen" in verdict.reason
    verdict, _ = judged("season", known_days=90, week=july, wind=lambda wind: wind * np.nan)
    assert verdict.action == "drifting"
    assert "wind has no values" in verdict.reason


def test_a_week_is_compared_with_the_same_season_of_all_years() -> None:
    """Two summers tell what a summer is; the change of another column is found against them."""
    july, two_years = datetime(2023, 7, 10, tzinfo=UTC), 2 * 365
    usual, by_season = judged("season", known_days=two_years, week=july)
    _, by_all = judged("all", known_days=two_years, week=july)
    assert usual.action == "ok", usual.reason
    assert by_season.distances["temperature"] < 0.4 * by_all.distances["temperature"]
    verdict, _ = judged("season", known_days=two_years, week=july, wind=lambda wind: wind * 1.609)
    assert verdict.action == "drifting"
    assert "wind is" in verdict.reason
