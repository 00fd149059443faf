"""Distances between counts of bins: Evidently's own, on the numbers of the bins.

Evidently takes two series of values; here all blocks of a reference are compared at once, from
their counts. `tests/contract/test_drift_report.py` holds the two equal.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


SMALL_SHARE = 1e-4
"""Share that stands for 0 in a stability index, or a millionth of the least that is smaller."""


LEAST_DEVIATION = 0.001
"""That Evidently divides by where values have none."""


@dataclass(frozen=True)
class Method:
    """A distance between shares of bins.

    Attributes:
        distance: Of the shares before and after, of shape (…, n_bins), of shape (…).
        noise: Its usual value between two samples of the same rows, by the shares and the
            variance factor `1 / rows_before + 1 / rows_after`.
        power: Exponent that makes it a cube root of something like a chi-squared variable, which
            is nearly normal. Source: Wilson and Hilferty 1931, The Distribution of Chi-Square.
    """

    distance: Callable[[Array, Array], Array]
    noise: Callable[[Array, float], float]
    power: float


def shares_of(counts: Array) -> Array:
    """Counts of bins divided by their sum, of shape (…, n_bins); NaN where all are 0."""
    import numpy as np

    totals = counts.sum(axis=-1, keepdims=True)
    empty = np.full(counts.shape, np.nan)
    shares: Array = np.divide(counts, totals, out=empty, where=totals > 0)
    return shares


def jensen_shannon(before: Array, after: Array) -> Array:
    """Jensen-Shannon distance to base e; disjoint shares are at 0.83."""
    import numpy as np

    middle = (before + after) / 2

    def divergence(shares: Array) -> Array:
        ratio = np.divide(shares, middle, out=np.ones_like(middle), where=shares > 0)
        divergences: Array = (shares * np.log(ratio)).sum(axis=-1)
        return divergences

    distances: Array = np.sqrt(np.maximum(0, (divergence(before) + divergence(after)) / 2))
    return distances


def psi(before: Array, after: Array) -> Array:
    """Population stability index, with Evidently's small share in place of 0."""
    import numpy as np

    def filled(shares: Array) -> Array:
        least = np.where(shares > 0, shares, np.inf).min(axis=-1, keepdims=True)
        small = np.where(least <= SMALL_SHARE, least / 1e6, SMALL_SHARE)
        return np.where(shares == 0, small, shares)

    known = (before > 0) | (after > 0)
    one, other = filled(before), filled(after)
    distances: Array = np.where(known, (one - other) * np.log(one / other), 0).sum(axis=-1)
    return distances


def wasserstein(before: Array, after: Array) -> Array:
    """Wasserstein distance of the bins' numbers over the standard deviation of those before."""
    import numpy as np

    numbers = np.arange(before.shape[-1])
    mean = (before * numbers).sum(axis=-1, keepdims=True)
    deviation = np.sqrt((before * (numbers - mean) ** 2).sum(axis=-1))
    moved = np.abs(np.cumsum(before - after, axis=-1)).sum(axis=-1)
    distances: Array = moved / np.maximum(deviation, LEAST_DEVIATION)
    return distances


def _chi_squared(shares: Array) -> int:
    """Mean of the squared differences over the shares, in variance factors; 1 of a constant."""
    return max(1, int((shares > 0).sum()) - 1)


def _moved_by_chance(shares: Array, variance: float) -> float:
    import numpy as np

    numbers, below = np.arange(len(shares)), np.cumsum(shares)[:-1]
    deviation = np.sqrt((shares * numbers**2).sum() - (shares * numbers).sum() ** 2)
    # Mean of |z| of a normal z is sqrt(2 / pi) of its deviation.
    chance = np.sqrt(2 / np.pi * variance * np.maximum(0, below * (1 - below))).sum()
    return float(chance / max(deviation, LEAST_DEVIATION))


METHODS = {
    # Both are sums of squared differences over shares for shares that are close: the squared
    # Jensen-Shannon distance is an eighth of it.
    "jensenshannon": Method(jensen_shannon, lambda s, v: (_chi_squared(s) * v / 8) ** 0.5, 2 / 3),
    "psi": Method(psi, lambda s, v: _chi_squared(s) * v, 1 / 3),
    "wasserstein": Method(wasserstein, _moved_by_chance, 2 / 3),
}
"""By the name that Evidently and the spec have for it."""
