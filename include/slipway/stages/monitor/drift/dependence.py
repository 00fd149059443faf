"""Measure how much the dependence of two numeric columns differs from that in the reference.

Each value counts as the normal score of its bin, so neither the tails nor the unit of a column
matter, and the dependence of a pair is one correlation. Sums of these scores and of their products
by unit of time are all that is kept of the rows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.drift.bin_distances import shares_of
from slipway.stages.monitor.drift.spread import has_width, normal_scores
from slipway.stages.monitor.reference.bins import Bins, NumberBins

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

MOST_COLUMNS = 40
"""Columns whose pairs are compared, the first ones: the sums grow with their square."""

HIGHEST = 0.999
"""Correlation that stands for all higher ones, whose transform is infinite at 1."""

LEAST_VARIANCE = 1e-9


@dataclass(frozen=True)
class PairSums:
    """Sums over rows of the normal scores of columns, and of the products of two.

    Attributes:
        rows: Number of rows, of shape (…).
        sums: Of scores, of shape (…, n_columns).
        products: Of products, of shape (…, n_columns, n_columns).
    """

    rows: Array
    sums: Array
    products: Array

    def over(self, first: Array, end: Array) -> PairSums:
        """Return the sums over stretches of units.

        Args:
            first: First unit of each stretch, of shape (n_stretches,).
            end: The unit after its last.
        """
        import numpy as np

        def summed(values: Array) -> Array:
            before = np.concatenate([np.zeros_like(values[:1]), values.cumsum(axis=0)])
            found: Array = before[end] - before[first]
            return found

        return PairSums(summed(self.rows), summed(self.sums), summed(self.products))

    def total(self) -> PairSums:
        """Return the sums over all units."""
        return PairSums(self.rows.sum(axis=0), self.sums.sum(axis=0), self.products.sum(axis=0))

    def without(self, part: PairSums) -> PairSums:
        """Return the sums over the rows that are not in a part."""
        return PairSums(self.rows - part.rows, self.sums - part.sums, self.products - part.products)

    def correlations(self) -> Array:
        """Return the correlation of each pair, of shape (…, n_columns, n_columns).

        That of a constant is 0.
        """
        import numpy as np

        count = np.maximum(self.rows, 1)[..., None]
        mean = self.sums / count
        covariance = self.products / count[..., None] - mean[..., :, None] * mean[..., None, :]
        variance = np.maximum(np.diagonal(covariance, axis1=-2, axis2=-1), 0)
        scale = np.sqrt(variance[..., :, None] * variance[..., None, :])
        empty = np.zeros_like(covariance)
        found: Array = np.divide(covariance, scale, out=empty, where=scale > LEAST_VARIANCE)
        return found


@dataclass(frozen=True)
class PairScores:
    """Normal scores of the bins of the columns whose pairs are compared.

    Attributes:
        bins: Bins by column.
        scores: Score of each bin, by column; of missing values 0, as of an ordinary one.
    """

    bins: Mapping[str, Bins]
    scores: Mapping[str, Array]

    @property
    def names(self) -> tuple[str, ...]:
        """The columns."""
        return tuple(self.scores)

    def sum_by_unit(self, rows: pd.DataFrame, units: Array, *, count: int) -> PairSums:
        """Sum the scores of rows and their products by unit of time.

        Args:
            rows: Tidied rows.
            units: Unit of each, of shape (n_rows,), in order.
            count: Number of units.
        """
        import numpy as np

        placed = [one[self.bins[name].place(rows[name])] for name, one in self.scores.items()]
        values = np.stack(placed, axis=1)
        ends = np.searchsorted(units, np.arange(count + 1))
        parts = [values[start:end] for start, end in pairwise(ends)]
        return PairSums(
            np.diff(ends),
            np.stack([part.sum(axis=0) for part in parts]),
            np.stack([part.T @ part for part in parts]),
        )

    def sum(self, rows: pd.DataFrame) -> PairSums:
        """Sum the scores of all rows and their products."""
        import numpy as np

        whole = self.sum_by_unit(rows, np.zeros(len(rows), dtype=int), count=1)
        return PairSums(whole.rows[0], whole.sums[0], whole.products[0])


@dataclass(frozen=True)
class PairChange:
    """The pair of columns whose dependence changed most.

    Attributes:
        columns: The two.
        before: Their correlation in the reference.
        after: That in the window.
        distance: Difference of the transformed correlations, in standard errors of independent
            rows.
    """

    columns: tuple[str, str]
    before: float
    after: float
    distance: float


def learn_pair_scores(
    counts: Mapping[str, Array], bins: Mapping[str, Bins], names: Sequence[str]
) -> PairScores | None:
    """Return the scores of the numeric columns that have a width; None with fewer than two.

    Args:
        counts: Rows of the reference by unit and bin, of shape (n_units, n_bins + 1) each.
        bins: Bins by column.
        names: Columns to compare.
    """
    import numpy as np

    numeric = (name for name in names if isinstance(bins[name], NumberBins))
    shares = {name: shares_of(counts[name][:, :-1].sum(axis=0)) for name in numeric}
    compared = [name for name, one in shares.items() if has_width(one)][:MOST_COLUMNS]
    scores = {name: np.append(normal_scores(shares[name]), 0.0) for name in compared}
    return PairScores(bins, scores) if len(scores) > 1 else None


def pair_distances(before: PairSums, after: PairSums) -> Array:
    """Return by how many standard errors the correlation of each pair differs.

    The errors are those of independent rows; what rows of a day share is in the limits.

    Source: Fisher 1921, On the Probable Error of a Coefficient of Correlation.

    Args:
        before: Of the reference.
        after: Of other rows.

    Returns:
        Of shape (…, n_columns, n_columns); 0 on the diagonal and below it.
    """
    import numpy as np

    def transformed(sums: PairSums) -> Array:
        found: Array = np.arctanh(np.clip(sums.correlations(), -HIGHEST, HIGHEST))
        return found

    variance = 1 / np.maximum(before.rows - 3, 1) + 1 / np.maximum(after.rows - 3, 1)
    differences = np.triu(np.abs(transformed(after) - transformed(before)), k=1)
    found: Array = differences / np.sqrt(variance)[..., None, None]
    return found


def largest_change(before: PairSums, after: PairSums, names: Sequence[str]) -> PairChange:
    """Return the pair that changed most.

    Args:
        before: Of the reference.
        after: Of a window.
        names: The columns.
    """
    import numpy as np

    distances = pair_distances(before, after)
    place = np.unravel_index(int(np.argmax(distances)), distances.shape)
    first, second = (int(one) for one in place)
    return PairChange(
        (names[first], names[second]),
        float(before.correlations()[first, second]),
        float(after.correlations()[first, second]),
        float(distances[first, second]),
    )


def usual_by_chance(pairs: int) -> tuple[float, float]:
    """Return median and standard deviation of the largest of so many differences without a change.

    Source: Gumbel 1958, Statistics of Extremes, for the largest of many normal variables.

    Args:
        pairs: Number of pairs.
    """
    from scipy.stats import norm

    median = float(norm.ppf((1 + 0.5 ** (1 / pairs)) / 2))
    spread = math.pi / math.sqrt(6) / math.sqrt(2 * math.log(2 * pairs + 1))
    return median, spread
