"""Measure how well one column alone ranks the target, on rows that taught it nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Numbers = np.ndarray[Any, np.dtype[np.float64]]
    Codes = np.ndarray[Any, np.dtype[np.int64]]

FEWEST = 10
"""Rows of a class, or of a regression, with fewer of which nothing is told."""

_BINS = 50
_MOST_TAUGHT = 100_000
"""Newest training rows that teach what a bin or a category means."""


@dataclass(frozen=True)
class Asked:
    """Rows whose target a column is asked for.

    Attributes:
        actual: Codes of the classes, or the numbers of a regression, of shape (n_rows,).
        classes: Codes with enough rows, on both sides; empty of a regression.
    """

    actual: np.ndarray[Any, Any]
    classes: tuple[int, ...]

    @classmethod
    def of(
        cls, actual: pd.Series[Any], *, is_class: bool, of_every_class: bool = False
    ) -> Asked | None:
        """Return the rows; None where there are too few.

        Args:
            actual: Target of each row.
            is_class: Whether it is a class.
            of_every_class: Whether there have to be enough of each, not only of one.
        """
        import numpy as np

        known = actual.to_numpy()
        if not is_class:
            varies = len(known) >= FEWEST and len(np.unique(known)) > 1
            return cls(known, ()) if varies else None
        codes, counts = np.unique(known, return_counts=True)
        enough = (counts >= FEWEST) & (len(known) - counts >= FEWEST) & (codes >= 0)
        if of_every_class and not enough.all():
            return None
        found = tuple(int(one) for one in codes[enough])
        return cls(known, found) if found else None

    def by_rank(self, scores: Numbers) -> float:
        """How well scores rank the rows, between 0 and 1; of classes that which it tells least.

        Source:
            Hanley and McNeil 1982, The meaning and use of the area under a ROC curve.
        """
        ranks = _ranks(scores)
        if not self.classes:
            return abs(_correlation(ranks, _ranks(self.actual)))
        return min(self._area(ranks, code, is_either=True) for code in self.classes)

    def by_scores(self, scores: np.ndarray[Any, Any]) -> float:
        """How well a model's own scores rank the rows, likewise."""
        if scores.ndim == 1 or not self.classes:
            return self.by_rank(scores)
        return min(self._area(_ranks(scores[:, code]), code) for code in self.classes)

    def by_taught(self, places: Codes, taught: Codes, target: np.ndarray[Any, Any]) -> float:
        """How well bins or categories rank the rows by what training rows teach of each.

        Args:
            places: Bin of each row, from 0.
            taught: Bin of each training row.
            target: Target of each training row.
        """
        import numpy as np

        width = 1 + int(max(places.max(initial=0), taught.max(initial=0)))
        counts = np.bincount(taught, minlength=width)

        def means(values: Numbers) -> Numbers:
            sums = np.bincount(taught, weights=values, minlength=width)
            usual = float(values.mean()) if len(values) else 0.0
            # One row more of the usual kind: a bin of few rows tells little.
            found: Numbers = (sums + usual) / (counts + 1)
            return found

        if not self.classes:
            ranks = _ranks(means(target.astype(np.float64))[places])
            return abs(_correlation(ranks, _ranks(self.actual)))
        return min(
            self._area(_ranks(means((target == code).astype(np.float64))[places]), code)
            for code in self.classes
        )

    def _area(self, ranks: Numbers, code: int, *, is_either: bool = False) -> float:
        inside = self.actual == code
        count = int(inside.sum())
        above = float(ranks[inside].sum()) - count * (count + 1) / 2
        area = above / (count * (len(ranks) - count))
        return max(area, 1 - area) if is_either else area


def column_alone(
    asked: Asked, values: pd.Series[Any], taught: pd.Series[Any], target: pd.Series[Any]
) -> float:
    """Return how well one column alone ranks the target: by its order, or by its bins.

    Args:
        asked: Rows that are asked for.
        values: Values of the column in them.
        taught: Values of the column in the training rows.
        target: Target of the training rows.
    """
    import pandas as pd

    taught, target = taught.iloc[-_MOST_TAUGHT:], target.iloc[-_MOST_TAUGHT:]
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        numbers = _as_numbers(values)
        places, known = _bins(numbers, _as_numbers(taught))
        by_bins = asked.by_taught(places, known, target.to_numpy())
        return max(by_bins, asked.by_rank(numbers))
    places, known = _categories(values, taught)
    return asked.by_taught(places, known, target.to_numpy())


def _as_numbers(values: pd.Series[Any]) -> Numbers:
    """Numbers of a column; a missing one is below all others."""
    import numpy as np

    numbers = values.to_numpy(np.float64, na_value=np.nan)
    return np.where(np.isnan(numbers), -np.inf, numbers)


def _bins(values: Numbers, taught: Numbers) -> tuple[Codes, Codes]:
    import numpy as np

    distinct = np.unique(taught)
    # Infinite ones are missing values: a bin of their own.
    finite = taught[np.isfinite(taught)]
    edges = distinct
    if len(distinct) > _BINS and len(finite):
        edges = np.unique(np.quantile(finite, np.linspace(0, 1, _BINS + 1)[:-1]))
    return np.searchsorted(edges, values, "right"), np.searchsorted(edges, taught, "right")


def _categories(values: pd.Series[Any], taught: pd.Series[Any]) -> tuple[Codes, Codes]:
    """Codes of both, 0 for one that no training row has."""
    import numpy as np
    import pandas as pd

    codes, known = pd.factorize(taught.astype("object"), use_na_sentinel=False)
    found = pd.Index(known).get_indexer(pd.Index(values.astype("object")))
    return np.asarray(found + 1, np.int64), np.asarray(codes + 1, np.int64)


def _ranks(values: np.ndarray[Any, Any]) -> Numbers:
    """Ranks from 1; equal values have their mean."""
    import numpy as np

    found, places, counts = np.unique(values, return_inverse=True, return_counts=True)
    del found
    last = np.cumsum(counts)
    means: Numbers = last - (counts - 1) / 2
    return means[places]


def _correlation(first: Numbers, second: Numbers) -> float:
    spread = float(first.std() * second.std())
    if spread == 0:
        return 0.0
    return float(((first - first.mean()) * (second - second.mean())).mean()) / spread
