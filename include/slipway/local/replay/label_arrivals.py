"""Say at which step of a history each label is known: as it arrived, or after a delay."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slipway.local.replay.periods import Placed
from slipway.local.replay.raw_rows import RowArrivals

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

LIVE_WITHIN = timedelta(days=45)
"""Rows that were handled later after their event were loaded as a past, and so were their labels: a
month's rows come a fortnight after its end at the latest."""


@dataclass(frozen=True)
class KnownLabels:
    """Rows of features, and when a label of each is known.

    Attributes:
        placed: The rows in their periods.
        delay: Time from the event until its label is known, where no arrival tells it.
        arrived: When the rows arrived; None: that is not looked at.
    """

    placed: Placed
    delay: timedelta
    arrived: RowArrivals | None

    def steps(self, places: Array, labels: RowArrivals | None) -> tuple[Array, int]:
        """Return the step at which each label is known, and how many arrivals tell it.

        A label is known after the period of its event, at the earliest, and one without features
        after the last period.

        Args:
            places: Number of the row of features of each label; -1: there is none.
            labels: When the labels arrived; None: that is not looked at.
        """
        import numpy as np
        import pandas as pd

        windows = self.placed.windows
        ends = pd.DatetimeIndex([one.end for one in windows]).tz_localize(None).to_numpy()
        times = self.placed.times.dt.tz_localize(None).to_numpy("datetime64[us]")
        known = times[places] + np.timedelta64(self.delay)
        told = np.zeros(len(places), bool)
        if labels is not None and self.arrived is not None:
            live = self.arrived.first - times <= np.timedelta64(LIVE_WITHIN)
            told = live[places] & ~np.isnat(labels.newest) & (places >= 0)
            known = np.where(told, labels.newest, known)
        after = np.searchsorted(ends, known, side="right")
        due = np.maximum(after, self.placed.of_row[places] + 1)
        return np.where(places >= 0, due, len(windows)), int(told.sum())
