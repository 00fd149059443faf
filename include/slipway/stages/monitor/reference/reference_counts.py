"""Reduce a reference to counts of its rows by unit of time and bin, all that distances need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.reference.autocorrelation import correlated_units
from slipway.stages.monitor.reference.bins import Bins, NumberBins, learn_bins
from slipway.stages.monitor.reference.columns import Columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

DAY, HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class ReferenceCounts:
    """Rows of a reference, by unit of time and bin.

    Attributes:
        start: Where its first unit begins.
        unit: Length of a unit.
        bins: Bins of each column.
        counts: Of each column, of shape (n_units, n_bins + 1); the last bin is of missing values.
    """

    start: datetime
    unit: timedelta
    bins: Mapping[str, Bins]
    counts: Mapping[str, Array]

    @property
    def units(self) -> int:
        """Units of time from the first row to the last."""
        return next((len(one) for one in self.counts.values()), 0)

    def rows(self) -> Array:
        """Rows by unit, of shape (n_units,)."""
        import numpy as np

        return next((one.sum(axis=1) for one in self.counts.values()), np.zeros(0, dtype=int))

    def correlated_units(self) -> dict[str, float]:
        """For how many units each column's units resemble one another."""
        return {
            name: correlated_units(counts[:, :-1], ordered=isinstance(self.bins[name], NumberBins))
            for name, counts in self.counts.items()
        }

    def units_of(self, times: pd.Series[Any], *, has_gaps: bool = False) -> Array:
        """Return the unit of each of the reference's rows, of shape (n_rows,).

        Args:
            times: Their event times, in order.
            has_gaps: Whether units without rows are left out.
        """
        return _units(times, self.unit, has_gaps=has_gaps)

    def of_window(self, rows: pd.DataFrame) -> dict[str, Array]:
        """Counts of other rows in the same bins, of shape (n_bins + 1,) each."""
        import numpy as np

        return {
            name: np.bincount(bins.place(rows[name]), minlength=bins.count + 1)
            for name, bins in self.bins.items()
        }


def unit_of(window: timedelta) -> timedelta:
    """Return the unit of time that rows are counted by, for windows of a length."""
    return DAY if window >= DAY else HOUR


def count_reference(
    reference: pd.DataFrame,
    times: pd.Series[Any],
    *,
    columns: Columns,
    window: timedelta,
    has_gaps: bool = False,
) -> ReferenceCounts:
    """Count a reference's rows by bin and day, or by hour for windows that are shorter than a day.

    Args:
        reference: Tidied rows, ordered by event time.
        times: Their event times, UTC.
        columns: Columns to count.
        window: Length of the monitored windows.
        has_gaps: Whether units without rows are left out, as those of other seasons are.
    """
    import numpy as np

    unit = unit_of(window)
    start = times.iloc[0].floor(unit)
    units = _units(times, unit, has_gaps=has_gaps)
    count = int(units[-1]) + 1
    bins = learn_bins(reference, columns)
    counts = {}
    for name, own in bins.items():
        size = own.count + 1
        cells = units * size + own.place(reference[name])
        counts[name] = np.bincount(cells, minlength=count * size).reshape(count, size)
    return ReferenceCounts(start.to_pydatetime(), unit, bins, counts)


def _units(times: pd.Series[Any], unit: timedelta, *, has_gaps: bool) -> Array:
    import numpy as np

    units: Array = ((times - times.iloc[0].floor(unit)) // unit).to_numpy()
    return np.unique(units, return_inverse=True)[1] if has_gaps else units
