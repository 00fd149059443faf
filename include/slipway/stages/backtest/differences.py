"""Sum differences of two policies over windows, with an interval."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from statistics import NormalDist, fmean

CONFIDENCE = 0.95
STRONGEST_CORRELATION = 0.9


@dataclass(frozen=True)
class WindowDifference:
    """Loss of one policy less that of another in one window, on the same rows.

    Attributes:
        value: Difference; positive where the first one is worse.
        rows: Number of rows, by which windows weigh.
        error: Standard error by blocks of the window's rows; None where they are too few.
        blocks: Blocks that count as independent.
    """

    value: float
    rows: int
    error: float | None = None
    blocks: float = 1.0

    @property
    def is_worse(self) -> bool:
        """Whether the first policy is worse beyond what chance explains."""
        if self.error is None or self.value <= 0:
            return False
        return self.value > _reach(self.blocks - 1) * self.error


@dataclass(frozen=True)
class Interval:
    """A mean difference with its interval.

    Attributes:
        value: Mean difference per row.
        lower: Lower bound.
        upper: Upper bound.
    """

    value: float
    lower: float
    upper: float

    @property
    def holds_zero(self) -> bool:
        """Whether chance explains the difference."""
        return self.lower <= 0 <= self.upper


def mean_difference(windows: Sequence[WindowDifference]) -> Interval:
    """Return the mean difference over windows, weighed by their rows, with its interval; pure.

    The errors come from blocks of rows within the windows. Where a window has too few blocks, the
    windows themselves are the blocks, of which neighbours that are alike count as fewer.

    Args:
        windows: Differences in the order of time.

    Source:
        Bayley and Hammersley 1946 (effective number of correlated observations).
    """
    rows = sum(one.rows for one in windows)
    if not rows:
        return Interval(0.0, -math.inf, math.inf)
    shares = [one.rows / rows for one in windows]
    value = sum(share * one.value for share, one in zip(shares, windows, strict=True))
    errors = [one.error for one in windows]
    known = [error for error in errors if error is not None]
    if len(known) == len(windows):
        squares = zip(shares, known, strict=True)
        error = math.sqrt(sum((share * one) ** 2 for share, one in squares))
        freedom = sum(one.blocks for one in windows) - len(windows)
    else:
        error, freedom = _between_windows([one.value for one in windows], shares, value)
    reach = _reach(freedom) * error if error else 0.0
    return Interval(value, value - reach, value + reach)


def _between_windows(
    values: Sequence[float], shares: Sequence[float], mean: float
) -> tuple[float, float]:
    """Standard error of a mean of windows, and its degrees of freedom."""
    count = len(values)
    if count == 1:
        return math.inf, 1.0
    spread = [share * (value - mean) for share, value in zip(shares, values, strict=True)]
    variance = sum(one**2 for one in spread) * count / (count - 1)
    correlation = _neighbour_correlation(values)
    wider = (1 + correlation) / (1 - correlation)
    return math.sqrt(variance * wider), max(1.0, count / wider - 1)


def _neighbour_correlation(values: Sequence[float]) -> float:
    mean = fmean(values)
    squares = sum((one - mean) ** 2 for one in values)
    if squares == 0:
        return 0.0
    products = ((one - mean) * (other - mean) for one, other in pairwise(values))
    found = sum(products) / squares
    return min(max(found + (1 + 3 * found) / len(values), 0.0), STRONGEST_CORRELATION)


def _reach(freedom: float) -> float:
    """Quantile of Student's t for a two-sided interval; infinite without a degree of freedom.

    Source:
        Abramowitz and Stegun 1964, 26.7.5 (expansion around the normal quantile).
    """
    if freedom <= 0:
        return math.inf
    z = NormalDist().inv_cdf((1 + CONFIDENCE) / 2)
    first = (z**3 + z) / 4
    second = (5 * z**5 + 16 * z**3 + 3 * z) / 96
    third = (3 * z**7 + 19 * z**5 + 17 * z**3 - 15 * z) / 384
    return z + first / freedom + second / freedom**2 + third / freedom**3
