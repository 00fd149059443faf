"""Tell which rows of a reference are of the same time of the year as a window."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

SEASON_DAYS = 30
"""Days before and after a window's middle that are of its season, in any year."""

LEAST_SHARE = 0.5
"""Share of a season's days that a reference has to have seen: a window right after it has half."""

YEAR = 366


def of_season(times: pd.Series[Any], middle: datetime) -> Array:
    """Whether each time is of the season of a window, of shape (n_rows,).

    Args:
        times: Event times, UTC.
        middle: Middle of the window.
    """
    import numpy as np

    apart = (times.dt.dayofyear.to_numpy() - middle.timetuple().tm_yday) % YEAR
    return np.asarray(np.minimum(apart, YEAR - apart) <= SEASON_DAYS)


def is_season_seen(times: pd.Series[Any], middle: datetime) -> bool:
    """Whether a reference has seen the season of a window.

    Args:
        times: Event times of its rows, UTC.
        middle: Middle of the window.
    """
    days = times[of_season(times, middle)].dt.dayofyear.nunique()
    return bool(days >= LEAST_SHARE * (2 * SEASON_DAYS + 1))
