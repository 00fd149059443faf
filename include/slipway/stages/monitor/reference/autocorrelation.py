"""Estimate for how many days a column's days resemble one another."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

FEWEST_UNITS = 3
NO_VARIANCE = 1e-20
"""Variance of shares below which a series is constant, but for rounding."""

WINDOW_FACTOR = 5
"""Times the estimate so far, after which no more lags are summed up."""

STANDARD_ERRORS = 1.645
"""Of the estimate, that are added to it: a bound on one side at 5 %, since a column that is wrongly
taken for quick alarms too often."""

COMMONEST = 3
"""Bins whose share is followed through time, of a column of categories."""


def correlated_units(counts: Array, *, ordered: bool) -> float:
    """Upper bound of a column's integrated autocorrelation time, in units of time.

    So many units tell as much as one that is independent of the others.

    Args:
        counts: Rows by unit of time and bin, of shape (n_units, n_bins).
        ordered: Whether bins are in the order of their values, so that their mean has a sense.
    """
    import numpy as np

    rows = counts.sum(axis=1)
    known = counts[rows > 0] / rows[rows > 0, None]
    if len(known) == 0:
        return 1.0
    total = counts.sum(axis=0)
    if ordered:
        ranks = (np.cumsum(total) - total / 2) / total.sum()
        return integrated_time(known @ ranks)
    commonest = np.argsort(-total, kind="stable")[:COMMONEST]
    return max(integrated_time(known[:, place]) for place in commonest)


def integrated_time(series: Array) -> float:
    """Upper bound of the integrated autocorrelation time of a series; 1 at least.

    Source: Wolff 2004, Monte Carlo Errors with Less Errors, for the estimate, its bias in short
    series and its standard error; Sokal 1997, Monte Carlo Methods in Statistical Mechanics, for
    where the sum ends.
    """
    import numpy as np

    count = len(series)
    centred = series - series.mean()
    variance = float(np.mean(centred**2))
    if count < FEWEST_UNITS or variance <= NO_VARIANCE:
        return 1.0
    spectrum = np.fft.rfft(centred, 2 * count)
    covariances = np.fft.irfft(spectrum * np.conj(spectrum))[:count] / count
    times = 1 + 2 * np.cumsum(covariances[1:] / variance)
    lags = np.arange(1, count)
    enough = np.flatnonzero(lags >= WINDOW_FACTOR * times)
    last = int(enough[0]) if len(enough) else count - 2
    summed = (2 * int(lags[last]) + 1) / count
    unbiased = max(1.0, float(times[last])) * (1 + summed)
    return unbiased * (1 + STANDARD_ERRORS * math.sqrt(2 * summed))
