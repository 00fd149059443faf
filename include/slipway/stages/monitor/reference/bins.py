"""Bins of a column, learnt from the reference: quantiles of numbers, categories of texts.

Distances are taken between counts of bins. So one value of a million moves a row by a bin or two,
and blinds no distance to the other rows, as bins of equal width would.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.reference.columns import Columns

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Array = np.ndarray[Any, Any]

QUANTILE_BINS = 10
"""Bins of equal shares for numbers. Source: Siddiqi 2006, Credit Risk Scorecards, who takes ten
for a stability index."""

MOST_VALUES = 20
"""Numbers with no more distinct values have a bin for each, as in Evidently."""

MOST_CATEGORIES = 100
"""Commonest categories with a bin of their own; more of them are mostly noise."""


@dataclass(frozen=True)
class NumberBins:
    """Bins of numbers: up to each edge, and above the last one."""

    edges: tuple[float, ...]

    @property
    def count(self) -> int:
        """Number of bins, without the one of missing values."""
        return len(self.edges) + 1

    def place(self, values: pd.Series) -> Array:
        """Bin of each value, of shape (n_rows,); the last one and one more if it is missing."""
        import numpy as np

        numbers = values.to_numpy(dtype="float64", na_value=np.nan)
        places = np.searchsorted(np.array(self.edges), numbers, side="left")
        places[np.isnan(numbers)] = self.count
        return places


@dataclass(frozen=True)
class CategoryBins:
    """Bins of categories: one each, and one for all others."""

    categories: tuple[str, ...]

    @property
    def count(self) -> int:
        """Number of bins, without the one of missing values."""
        return len(self.categories) + 1

    def place(self, values: pd.Series) -> Array:
        """Bin of each value, of shape (n_rows,); the last one and one more if it is missing."""
        import numpy as np
        import pandas as pd

        codes = pd.Index(self.categories, dtype=object).get_indexer(pd.Index(values))
        places = np.where(codes < 0, self.count - 1, codes)
        places[values.isna().to_numpy()] = self.count
        return places


Bins = NumberBins | CategoryBins


def learn_bins(reference: pd.DataFrame, columns: Columns) -> dict[str, Bins]:
    """Bins of each column, from the tidied rows of a reference."""
    numeric = set(columns.numeric)
    return {
        name: _number_bins(reference[name]) if name in numeric else _category_bins(reference[name])
        for name in columns.names
    }


def _number_bins(values: pd.Series) -> NumberBins:
    import numpy as np

    known = values.dropna().to_numpy(dtype="float64")
    distinct = np.unique(known)
    if len(distinct) > MOST_VALUES:
        shares = np.arange(1, QUANTILE_BINS) / QUANTILE_BINS
        # A quantile that is a value that rows have, so that equal rows share a bin.
        distinct = np.unique(np.quantile(known, shares, method="lower"))
    return NumberBins(tuple(distinct.tolist()))


def _category_bins(values: pd.Series) -> CategoryBins:
    counts = values.value_counts()
    # By name where counts are equal, so that the same rows have the same bins.
    ordered = sorted(counts.items(), key=lambda item: (-item[1], str(item[0])))
    return CategoryBins(tuple(str(name) for name, _ in ordered[:MOST_CATEGORIES]))
