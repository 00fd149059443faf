"""Numbers of `slipway new`: holdout, first labels, new labels and window, by span and volume."""

from __future__ import annotations

import pandas as pd
import pytest

from slipway.spec.training import Training
from slipway.stages.profile.sizes import choose_sizes
from slipway.stages.train.splitting import split_by_time


@pytest.mark.parametrize("rows", [30, 150, 1000, 15_000])
@pytest.mark.parametrize("step", [None, "h", "D", "7D", "min"])
def test_numbers_fit_the_volume_and_the_span(rows: int, step: str | None) -> None:
    """This file is enough for a first training, by time or at random."""
    times = None
    if step is not None:
        times = pd.Series(pd.date_range("1900-01-01", periods=rows, freq=step, tz="UTC"))
    sizes = choose_sizes(rows, times, share=1.0, tolerance_days=31)
    held_out = sizes.holdout_rows
    if sizes.split == "time":
        assert times is not None
        newest = times.max() - pd.Timedelta(days=sizes.holdout_days)
        held_out = int((times >= newest).sum())
        assert held_out == pytest.approx(sizes.holdout_rows, abs=2)
    assert sizes.min_holdout_rows <= held_out
    assert sizes.min_rows <= rows - held_out
    assert sizes.min_rows <= max(10, sizes.first_after_labels)
    assert sizes.first_after_labels <= rows
    assert sizes.min_new_labels <= rows


@pytest.mark.parametrize("rows", [150, 2000, 52_000])
@pytest.mark.parametrize("step", ["5min", "h", "D", "3D"])
@pytest.mark.parametrize("share", [1.0, 3.0])
def test_the_first_labels_cover_holdout_and_training_rows(
    rows: int, step: str, share: float
) -> None:
    """Played from the past, a training after that many labels has all rows that it needs."""
    times = pd.Series(pd.date_range("2010-01-01", periods=rows, freq=step, tz="UTC"))
    sizes = choose_sizes(round(rows * share), times, share=share, tolerance_days=31)
    if sizes.split != "time":
        pytest.skip("its days are too few to hold out the newest ones")
    assert sizes.first_after_labels <= rows * share
    arrived = times.head(round(sizes.first_after_labels / share)).to_frame("at")
    training = Training(holdout_days=sizes.holdout_days, min_rows=1)
    parts = split_by_time(arrived, event_time="at", training=training)
    assert round(len(parts.training) * share) >= sizes.min_rows
    assert round(len(parts.holdout) * share) >= sizes.min_holdout_rows


@pytest.mark.parametrize(
    ("times", "window"),
    [
        (pd.date_range("2024-01-01", periods=400 * 30, freq="3min"), "day"),
        (pd.date_range("2024-01-01", periods=400 * 30, freq="9s"), "hour"),
        (pd.date_range("1990-01-01", periods=20, freq="YS").repeat(600), "month"),
        (pd.date_range("2020-01-01", periods=30, freq="MS").repeat(600), "month"),
        (pd.date_range("2020-01-06", periods=30, freq="7D").repeat(600), "week"),
    ],
    ids=["480 a day", "400 an hour", "600 a year", "600 a month", "600 a week"],
)
def test_a_window_is_no_shorter_than_the_step_of_the_series(
    times: pd.DatetimeIndex, window: str
) -> None:
    """Rows of a year all have its first hour, which says nothing of hours."""
    series = pd.Series(times.tz_localize("UTC"))
    assert choose_sizes(len(series), series, share=1.0, tolerance_days=31).window == window


def test_new_labels_span_the_blocks_that_a_comparison_needs() -> None:
    """A month of hourly rows would else be asked to decide upon four days."""
    times = pd.Series(pd.date_range("2010-01-01", periods=9000, freq="h", tz="UTC"))
    sizes = choose_sizes(90_000, times, share=10.0, tolerance_days=31)
    assert sizes.blocks == "day"
    assert sizes.min_new_labels >= 0.9 * 20 * 240
