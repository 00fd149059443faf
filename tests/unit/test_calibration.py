"""Drift thresholds calibrated on a reference's own blocks: few false alarms, no missed change."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from slipway.stages.monitor.calibration import (
    NEGLIGIBLE_DISTANCE,
    Calibration,
    block_count,
    block_edges,
    calibrate,
    conformal_quantile,
    usual_distances,
)
from slipway.stages.monitor.columns import Columns
from tests.fakes.monitoring import PlainReports

COLUMNS = Columns(("distance", "temperature", "score"), ("carrier",), "jensenshannon", "psi")
DAYS, ROWS_PER_DAY = 90, 110


def season(seed: int, *, days: int = DAYS) -> pd.DataFrame:
    """Rows in time order whose temperature varies from day to day, as weather does."""
    random = np.random.default_rng(seed)
    weather = np.zeros(days)
    for day in range(1, days):
        weather[day] = 0.8 * weather[day - 1] + random.normal(0, 1.5)
    rows = days * ROWS_PER_DAY
    temperature = np.repeat(weather, ROWS_PER_DAY) + random.normal(0, 2, rows)
    distance = random.choice([187, 229, 502, 719, 1089, 1400, 2475], rows) + random.integers(
        0, 40, rows
    )
    return pd.DataFrame(
        {
            "distance": distance.astype(float),
            "temperature": temperature,
            "score": 1 / (1 + np.exp(1.5 - temperature / 8 - random.normal(0, 0.5, rows))),
            "carrier": random.choice(["AA", "B6", "DL", "UA"], rows, p=[0.2, 0.3, 0.2, 0.3]),
        }
    )


def distances(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, float]:
    """Plain distances of the test's columns."""
    return PlainReports().distances(before, after, columns=COLUMNS)


def calibrated(reference: pd.DataFrame, *, window_rows: int = 2000) -> Calibration:
    """The calibration of a reference at the usual settings, for monthly windows."""
    blocks = block_count(len(reference), span_windows=3, min_rows=300, false_alarm_rate=0.05)
    return calibrate(
        reference,
        blocks=blocks,
        window_rows=window_rows,
        distances=distances,
        false_alarm_rate=0.05,
        seed=7,
    )


def alarms(calibration: Calibration, reference: pd.DataFrame, window: pd.DataFrame) -> list[str]:
    """The columns of a window that are over their threshold."""
    sample = window.sample(calibration.rows, random_state=7)
    loud = calibration.drift_ratios(distances(reference, sample))
    return [name for name, value in loud.items() if value > calibration.ratio_limit]


def test_blocks_left_out_of_a_reference_rarely_alarm() -> None:
    """Of the contiguous blocks of a season, held out one by one, few exceed a threshold."""
    rows = season(1)
    edges = block_edges(len(rows), 18)
    fired = 0
    for start, end in edges:
        reference = rows.drop(rows.index[start:end]).reset_index(drop=True)
        fired += bool(alarms(calibrated(reference), reference, rows.iloc[start:end]))
    assert fired <= 3


def test_a_changed_unit_alarms() -> None:
    """A conversion of miles to kilometres is found, on the converted column."""
    reference, window = season(2), season(3, days=30)
    calibration = calibrated(reference)
    assert alarms(calibration, reference, window) == []
    assert alarms(calibration, reference, window.assign(distance=window["distance"] * 1.609)) == [
        "distance"
    ]


def test_shifted_scores_alarm() -> None:
    """A model whose scores rise is found by its score column alone."""
    reference, window = season(4), season(5, days=30)
    calibration = calibrated(reference)
    shifted = window.assign(score=window["score"] ** 0.5)
    assert alarms(calibration, reference, shifted) == ["score"]


def test_a_constant_column_does_not_hide_others() -> None:
    """One odd row in a constant column neither alarms nor hides a real change."""
    reference = season(6).assign(carrier="UA")
    reference.loc[4000, "carrier"] = "AA"
    calibration = calibrated(reference)
    window = season(7, days=30).assign(carrier="UA")
    assert alarms(calibration, reference, window) == []
    assert "distance" in alarms(calibration, reference, window.assign(distance=1.0))


def test_thresholds_are_the_same_each_time() -> None:
    """The sampling is seeded."""
    assert calibrated(season(8)) == calibrated(season(8))


def test_a_window_smaller_than_a_block_is_compared_with_blocks_of_its_own_size() -> None:
    """Distances grow as samples shrink, so both sides are reduced to the smaller one."""
    calibration = calibrated(season(9), window_rows=310)
    assert calibration.rows == 310


@given(st.lists(st.floats(0, 1e6), min_size=1, max_size=200), st.floats(0.001, 0.9))
def test_the_threshold_keeps_its_promised_rate(maxima: list[float], rate: float) -> None:
    """A window like the reference exceeds the threshold no more often than its rate."""
    threshold, kept = conformal_quantile(maxima, rate)
    assert threshold in maxima
    assert sum(one > threshold for one in maxima) <= kept * (len(maxima) + 1) + 1e-9
    assert kept <= max(rate, 1 / (len(maxima) + 1)) + 1e-9


@given(st.integers(0, 50_000), st.floats(0, 400), st.integers(1, 2_000), st.floats(0.01, 0.5))
def test_no_block_is_smaller_than_a_window_may_be(
    rows: int, span: float, min_rows: int, rate: float
) -> None:
    """Every block has as many rows as a conclusive window needs."""
    blocks = block_count(rows, span_windows=span, min_rows=min_rows, false_alarm_rate=rate)
    assert blocks <= max(math.ceil(span), math.ceil(1 / rate) - 1)
    if blocks:
        edges = block_edges(rows, blocks)
        assert min(end - start for start, end in edges) >= min_rows - 1
        assert [edges[0][0], edges[-1][1]] == [0, rows]


@pytest.mark.parametrize(("values", "usual"), [([0, 0, 9], NEGLIGIBLE_DISTANCE), ([1, 2, 4, 8], 3)])
def test_a_usual_distance_is_the_median_but_never_nothing(
    values: list[float], usual: float
) -> None:
    """The scale of a column is its median over the blocks, with a floor."""
    assert usual_distances([{"a": value} for value in values]) == {"a": usual}
