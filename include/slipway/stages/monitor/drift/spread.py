"""Measure how much wider or narrower a numeric column is than in the reference, from its bins.

A distance sees this too, but its limit has to let the level of a column wander from day to day,
which hides a column whose values are all half as far apart again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]

POWER = 2 / 3
"""Exponent that makes the size of a normal variable nearly normal. Source: Wilson and Hilferty
1931, The Distribution of Chi-Square, of one degree of freedom."""

NEGLIGIBLE = math.log(1.02)
"""Change that does not matter, however seldom it is: a fiftieth wider."""

LEAST_DEVIATION = 1e-3
"""Standard deviation, in normal scores, that stands for all smaller ones."""

MOST_IN_A_BIN = 0.5
"""Largest share of rows in one bin of a column that has a width; what is mostly one value, as rain
is, has one that a few rows change many times."""

MOST_STRETCH = 20.0
STEPS = 241


@dataclass(frozen=True)
class Width:
    """Width of a column, learnt from the shares of its bins in the reference.

    Bins of quantiles tell nothing of how far away the values of an outer bin are, so the deviation
    of their normal scores grows less than the values do. The width is the factor by which values
    would have to be further from their middle for that deviation.

    Attributes:
        scores: Normal score of the middle of each bin, of shape (n_bins,).
        deviations: Logarithm of the deviation of the scores, growing, for each factor of `factors`.
    """

    scores: Array
    deviations: Array

    @classmethod
    def of(cls, shares: Array) -> Width:
        """Learn from the shares of the reference's rows by bin, of shape (n_bins,)."""
        import numpy as np
        from scipy.stats import norm

        scores = normal_scores(shares)
        edges = norm.ppf(np.clip(np.cumsum(shares)[:-1], 0, 1))
        below = norm.cdf(edges / np.exp(_log_factors())[:, None])
        stretched = np.diff(below, axis=1, prepend=0.0, append=1.0)
        return cls(scores, np.maximum.accumulate(_log_deviation(stretched, scores)))

    def log_factor(self, shares: Array) -> Array:
        """Return the logarithm of the width of other rows, of shape (…); 0 of the reference.

        Args:
            shares: Of these rows by bin, of shape (…, n_bins).
        """
        import numpy as np

        found: Array = np.interp(
            _log_deviation(shares, self.scores), self.deviations, _log_factors()
        )
        return found

    def usual_by_chance(self, variance: float) -> float:
        """Return the usual size between two samples of the same rows.

        Source: Kendall and Stuart, The Advanced Theory of Statistics 1, 10.5: the logarithm of a
        standard deviation of n normal values has the variance 1 / (2 n).

        Args:
            variance: `1 / rows_before + 1 / rows_after`.
        """
        import numpy as np

        middle, factors = STEPS // 2, _log_factors()
        grown = self.deviations[middle + 1] - self.deviations[middle - 1]
        steepness = (factors[middle + 1] - factors[middle - 1]) / max(float(grown), 1e-6)
        return float(max(NEGLIGIBLE, steepness * np.sqrt(variance / math.pi)))


def has_width(shares: Array) -> bool:
    """Return whether the width of a column tells something.

    Args:
        shares: Shares of the reference's rows by bin, of shape (n_bins,).
    """
    return bool(shares.max() <= MOST_IN_A_BIN)


def normal_scores(shares: Array) -> Array:
    """Return the normal score of the middle of each bin, of shape (n_bins,).

    Args:
        shares: Shares of the reference's rows.
    """
    import numpy as np
    from scipy.stats import norm

    middle = np.cumsum(shares) - shares / 2
    scores: Array = norm.ppf(np.clip(middle, 1e-6, 1 - 1e-6))
    return scores


def _log_factors() -> Array:
    import numpy as np

    most = math.log(MOST_STRETCH)
    return np.linspace(-most, most, STEPS)


def _log_deviation(shares: Array, scores: Array) -> Array:
    import numpy as np

    mean = (shares * scores).sum(axis=-1, keepdims=True)
    variance = (shares * (scores - mean) ** 2).sum(axis=-1)
    deviation: Array = np.log(np.maximum(np.sqrt(np.maximum(variance, 0)), LEAST_DEVIATION))
    return deviation
