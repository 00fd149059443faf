"""How many departures an airport's hour typically has, learnt from the training rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

HOURS, WEEKDAYS = 24, 7

Values = np.ndarray[Any, np.dtype[np.float64]]


def transformer() -> TypicalDepartures:
    """What Slipway fits before the columns are prepared."""
    return TypicalDepartures()


class TypicalDepartures(TransformerMixin, BaseEstimator):
    """Adds a column `typical`: mean departures of an origin's local hour on a local weekday.

    A mean is drawn towards that of the hour on all weekdays, by as much as some rows weigh; an
    origin that was never seen is given the mean of all. While it is fitted, each row's own target
    is left out of its mean: what comes after it would else learn to trust `typical` too much.

    Args:
        weight_rows: How many rows the mean over all weekdays weighs.
    """

    def __init__(self, weight_rows: float = 4.0) -> None:
        self.weight_rows = weight_rows

    def fit(self, frame: pd.DataFrame, target: Values) -> TypicalDepartures:
        """Count rows and add up targets by origin, hour and weekday.

        Args:
            frame: Raw columns, of shape (n_rows, n_columns).
            target: Departures, of shape (n_rows,).
        """
        self.origins_ = sorted({str(origin) for origin in frame["origin"]})
        shape = (len(self.origins_), HOURS, WEEKDAYS)
        rows, sums = np.zeros(shape), np.zeros(shape)
        cells = self._cells(frame)
        np.add.at(rows, cells, 1.0)
        np.add.at(sums, cells, np.asarray(target, dtype="float64"))
        # The last place is for an origin that was never seen.
        self.rows_ = np.concatenate([rows, rows.sum(axis=0, keepdims=True)])
        self.sums_ = np.concatenate([sums, sums.sum(axis=0, keepdims=True)])
        return self

    def fit_transform(self, frame: pd.DataFrame, target: Values) -> pd.DataFrame:
        """The rows it was fitted to, each with the mean of the others."""
        own = np.asarray(target, dtype="float64")
        self.fit(frame, own)
        return self._with_typical(frame, own=own, own_rows=1.0)

    def transform(self, frame: pd.DataFrame) -> pd.DataFrame:
        """The same rows with `typical`, of shape (n_rows, n_columns + 1)."""
        return self._with_typical(frame, own=np.zeros(len(frame)), own_rows=0.0)

    def _cells(self, frame: pd.DataFrame) -> tuple[Any, Any, Any]:
        origin = pd.Index(self.origins_).get_indexer(frame["origin"])
        hour, weekday = (
            frame[name].to_numpy(dtype="int64", na_value=0) % count
            for name, count in (("local_hour", HOURS), ("local_weekday", WEEKDAYS))
        )
        return origin, hour, weekday

    def _with_typical(self, frame: pd.DataFrame, *, own: Values, own_rows: float) -> pd.DataFrame:
        cells = self._cells(frame)
        hours = cells[:2]
        of_hour = (self.sums_.sum(axis=2)[hours] - own) / np.maximum(
            self.rows_.sum(axis=2)[hours] - own_rows, 1.0
        )
        sums = self.sums_[cells] - own + self.weight_rows * of_hour
        return frame.assign(typical=sums / (self.rows_[cells] - own_rows + self.weight_rows))
