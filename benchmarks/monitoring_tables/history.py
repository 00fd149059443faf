"""Draw made-up histories of requests whose days are alike: eight columns and a score.

The days of a column have a level each, an AR(1) series that it shares in part with the others.
The rest of a row's variation is its own. Nothing else changes, so every alarm is a false one.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
import pandas as pd
from scipy.signal import lfilter

NUMERIC = ("n0", "n1", "n2", "n3", "n4")
CATEGORICAL = ("c0", "c1", "c2")
START = datetime(2025, 1, 6, tzinfo=UTC)
ROWS_A_DAY = 80
OF_DAY, SHARED = 0.1, 0.5
"""Share of a row's variance that its day has, and share of that which all columns share."""

Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class History:
    """Rows in time order, with the day of each row, counted from the first."""

    rows: pd.DataFrame
    days: Array

    def part(self, first: int, end: int) -> pd.DataFrame:
        """Rows of the days in [first, end)."""
        start, stop = np.searchsorted(self.days, [first, end])
        return self.rows.iloc[start:stop].reset_index(drop=True)

    def times(self, first: int, end: int) -> pd.Series:
        """Event times of the rows of the days in [first, end)."""
        days = self.days[np.searchsorted(self.days, first) : np.searchsorted(self.days, end)]
        return pd.Series(pd.Timestamp(START) + pd.to_timedelta(days, unit="D"))


def draw_history(seed: int, *, days: int, correlation: float) -> History:
    """Draw a history.

    Args:
        seed: Seed of all that is drawn.
        days: Its length.
        correlation: Of the levels of neighbouring days.
    """
    random = np.random.default_rng([seed, round(correlation * 100)])
    of_day = np.repeat(np.arange(days), random.poisson(ROWS_A_DAY, days))
    common = day_levels(random, days=days, correlation=correlation)

    def drawn() -> Array:
        own = day_levels(random, days=days, correlation=correlation)
        level = SHARED**0.5 * common + (1 - SHARED) ** 0.5 * own
        noise = random.normal(size=len(of_day))
        return OF_DAY**0.5 * level[of_day] + (1 - OF_DAY) ** 0.5 * noise

    columns: dict[str, Any] = {name: drawn() for name in NUMERIC}
    columns["n3"], columns["n4"] = np.exp(columns["n3"]), np.round(columns["n4"] * 3)
    for name, cuts in zip(CATEGORICAL, ([0.0], [-1, 0, 1], [-2, -1, 0, 0.5, 1, 2]), strict=True):
        columns[name] = np.array(list("abcdefg"), object)[np.searchsorted(cuts, drawn())]
    columns["score"] = 1 / (1 + np.exp(2 - (columns["n0"] + columns["n1"] + drawn()) / 2))
    return History(pd.DataFrame(columns), of_day)


def day_levels(random: np.random.Generator, *, days: int, correlation: float) -> Array:
    """Draw a stationary AR(1) series of standard normal levels."""
    steps = random.normal(size=days) * (1 - correlation**2) ** 0.5
    steps[0] /= (1 - correlation**2) ** 0.5
    levels: Array = lfilter([1.0], [1.0, -correlation], steps)
    return levels
