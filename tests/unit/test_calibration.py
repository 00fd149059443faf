"""Drift limits calibrated on a reference's own blocks: few false alarms, no missed change."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.spec import ModelSpec
from slipway.stages.monitor.drift.blocks import STRETCHES
from slipway.stages.monitor.drift.calibration import score_limit
from slipway.stages.monitor.drift.distances import (
    CalibratedReference,
    Comparison,
    calibrate_reference,
    compare,
)
from slipway.stages.monitor.reference.columns import Columns
from tests.support import ferry_dataset

COLUMNS = Columns(("distance", "temperature", "score"), ("carrier",), "jensenshannon", "psi")
START = datetime(2013, 1, 1, tzinfo=UTC)
DAYS, ROWS_PER_DAY, WEEK = 120, 60, timedelta(days=7)
WINDOW_ROWS = 7 * ROWS_PER_DAY


def model(**drift: object) -> ModelSpec:
    """A model with the usual settings."""
    return ferry_dataset.model(monitoring={"window": "week", "min_rows": 150, "drift": drift})


def season(seed: int, *, days: int = DAYS) -> pd.DataFrame:
    """Rows in time order whose temperature stays alike for days, as weather does."""
    random = np.random.default_rng(seed)
    weather = np.zeros(days)
    for day in range(1, days):
        weather[day] = 0.9 * weather[day - 1] + random.normal(0, 1.5)
    rows = days * ROWS_PER_DAY
    distance = random.choice([187, 229, 502, 719, 1089, 1400, 2475], rows) + random.integers(
        0, 40, rows
    )
    return pd.DataFrame(
        {
            "distance": distance.astype(float),
            "temperature": np.repeat(weather, ROWS_PER_DAY) + random.normal(0, 2, rows),
            "score": 1 / (1 + np.exp(1.5 - distance / 2000 - random.normal(0, 0.5, rows))),
            "carrier": random.choice(["AA", "B6", "DL", "UA"], rows, p=[0.2, 0.3, 0.2, 0.3]),
        }
    )


def calibrated(
    rows: pd.DataFrame,
    *,
    window_rows: int = WINDOW_ROWS,
    columns: Columns = COLUMNS,
    spec: ModelSpec | None = None,
) -> CalibratedReference:
    """A reference with its limits for weekly windows."""
    days = pd.to_timedelta(np.arange(len(rows)) // ROWS_PER_DAY, unit="D")
    return calibrate_reference(
        rows,
        pd.Series(pd.Timestamp(START) + days),
        columns=columns,
        window=WEEK,
        window_rows=window_rows,
        spec=spec or model(),
    )


def compared(known: CalibratedReference, window: pd.DataFrame) -> Comparison:
    """A window beside a reference."""
    return compare(window, known, seed=7)


def alarms(known: CalibratedReference, window: pd.DataFrame) -> list[str]:
    """The columns of a window that are over their limit."""
    assert known.calibration is not None
    loudness = compared(known, window).loudness
    return [name for name, value in loudness.items() if value > 1]


def test_windows_like_the_reference_rarely_alarm() -> None:
    """Of twenty weeks after a reference none alarms."""
    known, later = calibrated(season(1)), season(2, days=140)
    weeks = [later.iloc[k * WINDOW_ROWS : (k + 1) * WINDOW_ROWS] for k in range(20)]
    assert [alarms(known, week) for week in weeks] == [[]] * 20


def test_a_changed_unit_alarms() -> None:
    """A conversion of miles to kilometres is found, on the converted column."""
    known, window = calibrated(season(2)), season(3, days=7)
    assert alarms(known, window) == []
    assert alarms(known, window.assign(distance=window["distance"] * 1.609)) == ["distance"]


def test_shifted_scores_alarm() -> None:
    """A model whose scores rise is found by its score column alone."""
    known, window = calibrated(season(4)), season(5, days=7)
    assert alarms(known, window.assign(score=window["score"] ** 0.5)) == ["score"]


def test_a_column_whose_days_are_alike_for_long_is_only_observed() -> None:
    """Weather has too few blocks in 120 days and gets no limit; the others keep theirs."""
    known, window = calibrated(season(6)), season(7, days=7)
    assert list(known.blocks.observed) == ["temperature"]
    assert known.blocks.observed["temperature"] < STRETCHES
    assert alarms(known, window.assign(temperature=40.0)) == []
    assert compared(known, window).distances["temperature"] > 0


def test_too_short_a_reference_only_observes() -> None:
    """Every column is named with the blocks that there are."""
    known = calibrated(season(8, days=14))
    assert known.calibration is None
    assert set(known.blocks.observed) == set(COLUMNS.names)
    assert max(known.blocks.observed.values()) < STRETCHES


def test_a_constant_column_does_not_hide_others() -> None:
    """One odd row in a constant column neither alarms nor hides a real change."""
    rows = season(6).assign(carrier="UA")
    rows.loc[4000, "carrier"] = "AA"
    known, window = calibrated(rows), season(7, days=7).assign(carrier="UA")
    odd = window.assign(carrier=["AA", *["UA"] * (len(window) - 1)])
    assert alarms(known, window) == alarms(known, odd) == []
    assert "distance" in alarms(known, window.assign(distance=1.0))


@pytest.mark.parametrize("method", ["jensenshannon", "psi", "wasserstein"])
def test_an_outlier_in_the_reference_hides_no_shift(method: str) -> None:
    """One value of a million leaves the distance to a shift of one standard deviation as it is."""
    columns = Columns(("distance", "score"), (), method, "psi")
    rows, window = season(9), season(10, days=7)
    shifted = window.assign(distance=window["distance"] + rows["distance"].std())
    blinded = rows.assign(distance=rows["distance"].where(rows.index != 3000, 1e6))
    plain, robust = (calibrated(one, columns=columns) for one in (rows, blinded))
    assert alarms(plain, shifted) == alarms(robust, shifted) == ["distance"]
    found = [compared(one, shifted).distances["distance"] for one in (plain, robust)]
    assert found[1] == pytest.approx(found[0], rel=0.01)


def test_an_outlier_in_the_window_is_no_shift() -> None:
    """One value of a million is one row in the highest bin."""
    known, window = calibrated(season(11)), season(12, days=7)
    window.loc[5, "distance"] = 1e6
    assert alarms(known, window) == []


def test_a_column_that_is_the_same_each_day_alarms_by_no_ratio_to_nothing() -> None:
    """Case 30: a clock's usual distance is near 0, and its limit is that of chance all the same."""
    columns = Columns(("period", "score"), (), "jensenshannon", "psi")
    period = np.tile(np.arange(ROWS_PER_DAY, dtype=float), DAYS)
    known = calibrated(season(13).assign(period=period), columns=columns)
    window = season(14, days=7).assign(period=period[:WINDOW_ROWS])
    sampled = window.sample(WINDOW_ROWS, replace=True, random_state=1).reset_index(drop=True)
    assert alarms(known, window) == alarms(known, sampled) == []
    assert alarms(known, window.assign(period=window["period"] // 2)) == ["period"]


def test_limits_are_the_same_each_time() -> None:
    """The sampling is seeded."""
    assert calibrated(season(15)).calibration == calibrated(season(15)).calibration


def test_a_window_smaller_than_a_block_is_compared_with_blocks_of_its_own_size() -> None:
    """Distances grow as samples shrink, so both sides are reduced to the smaller one."""
    calibration = calibrated(season(16), window_rows=160).calibration
    assert calibration is not None
    assert calibration.rows == 160


def test_the_promise_and_what_the_blocks_alone_would_show_are_told_apart() -> None:
    """Twenty or thirty blocks resolve no rate of one in a hundred."""
    calibration = calibrated(season(17)).calibration
    assert calibration is not None
    assert calibration.alarm_rate == 0.01
    assert calibration.resolved_rate == 1 / (calibration.blocks + 1) > 0.03


maxima = st.lists(st.floats(-5, 50), min_size=5, max_size=300)


@given(maxima, st.floats(0.001, 0.4))
def test_enough_blocks_give_their_own_quantile(values: Sequence[float], rate: float) -> None:
    """A window like the blocks exceeds the limit no more often than promised."""
    limit, count = score_limit(values, rate), len(values)
    if math.ceil((1 - rate) * (count + 1)) <= count:
        assert limit in values
        assert sum(one > limit for one in values) <= rate * (count + 1) + 1e-9


@given(maxima, st.floats(0.001, 0.2), st.floats(1.01, 3))
def test_a_limit_is_wider_for_a_smaller_promise(
    values: Sequence[float], rate: float, times: float
) -> None:
    """No limit falls as fewer false alarms are asked for, and none is below the mean."""
    assert score_limit(values, rate) >= score_limit(values, rate * times) - 1e-9
    assert score_limit(values, rate) >= np.mean(values) - 1e-9
