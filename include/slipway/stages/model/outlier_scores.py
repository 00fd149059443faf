"""Outlier score of a row: the share of training rows that are less unusual than it.

A row is unusual by its most unusual value, or by the combination of its values. Both are measured
on rows of the training, so that rows like those have uniform scores: 1 % are above 0.99.

Runs in model servers, and as a version is made; imports NumPy alone.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.store import parse_json

if TYPE_CHECKING:
    import numpy as np

    Matrix = np.ndarray[Any, np.dtype[np.float64]]

FILE = "slipway/outliers.json"

FURTHEST = 40.0
"""Standard deviations at most; so one number does not outweigh all others without end."""

CHUNK_ROWS = 512
"""Rows that are compared with the knots at once, which bounds the memory."""


@dataclass(frozen=True)
class NumberScale:
    """Normal score of each value of a column, by the quantiles of the training.

    Attributes:
        name: Column.
        knots: Values at the normal scores of `OutlierFacts.grid`, in order.
        unit: Distance beyond the first and last knot that counts as one standard deviation.
        missing: Surprise of a missing value.
    """

    name: str
    knots: Sequence[float]
    unit: float
    missing: float


@dataclass(frozen=True)
class CategoryScale:
    """Surprise of each category of a column: minus the logarithm of a p-value.

    Attributes:
        name: Column.
        seen: Surprise by category.
        unseen: Surprise of any other category.
        missing: Surprise of a missing value.
        levels: Frequent categories, which count in combinations.
    """

    name: str
    seen: Mapping[str, float]
    unseen: float
    missing: float
    levels: Sequence[str]


@dataclass(frozen=True)
class OutlierFacts:
    """Facts about the rows of a training, as a version's folder holds them.

    Attributes:
        grid: Normal scores of the knots of numbers.
        numbers: Numeric columns.
        categories: Other columns.
        means: Mean of each coordinate of a row: normal scores, then indicators of levels.
        root: Root of the inverse covariance of the coordinates; empty: combinations do not count.
        shares: Shares of rows, rising from 0 to 1.
        value_ranks: The surprise of the most unusual value that such a share of rows is below.
        combination_ranks: Likewise, the distance of the combination.
        ranks: Likewise, the greater one of both shares.
    """

    grid: Sequence[float]
    numbers: Sequence[NumberScale]
    categories: Sequence[CategoryScale]
    means: Sequence[float]
    root: Sequence[Sequence[float]]
    shares: Sequence[float]
    value_ranks: Sequence[float]
    combination_ranks: Sequence[float]
    ranks: Sequence[float]

    @classmethod
    def parse(cls, data: bytes) -> OutlierFacts:
        """Read the facts from a version's folder, whose digest was compared."""
        found = parse_json(data)
        found["numbers"] = [NumberScale(**one) for one in found["numbers"]]
        found["categories"] = [CategoryScale(**one) for one in found["categories"]]
        return cls(**found)


class OutlierScorer:
    """Scores rows; safe to share among threads.

    Args:
        facts: Facts about the rows of the training.
        names: Columns of the rows, in their order; those without a scale are personal.
    """

    def __init__(self, facts: OutlierFacts, names: Sequence[str]) -> None:
        import numpy as np

        self._facts = facts
        self._grid = np.array(facts.grid)
        self._knots = np.array([one.knots for one in facts.numbers]).reshape(-1, len(facts.grid))
        self._units = np.array([one.unit for one in facts.numbers])
        self._missing = np.array([one.missing for one in facts.numbers])
        self._number_places = [names.index(one.name) for one in facts.numbers]
        self._categories = [
            (names.index(one.name), one, {level: place for place, level in enumerate(one.levels)})
            for one in facts.categories
        ]
        self._means, self._root = np.array(facts.means), np.array(facts.root)
        self._shares = np.array(facts.shares)
        self._ranks = [
            np.array(one) for one in (facts.value_ranks, facts.combination_ranks, facts.ranks)
        ]

    def score(self, columns: Sequence[Sequence[Any]]) -> list[float]:
        """Return the share of training rows that are less unusual, for each row.

        Args:
            columns: Values by column, None for missing.
        """
        found: list[float] = self.share_of(2, self.unusual(columns)).tolist()
        return found

    def unusual(self, columns: Sequence[Sequence[Any]]) -> Matrix:
        """Return the greater share of both parts, before it is ranked itself."""
        import numpy as np

        values, combinations = self.parts(columns)
        by_value = self.share_of(0, values)
        if not self._root.size:
            return by_value
        return np.maximum(by_value, self.share_of(1, combinations))

    def share_of(self, part: int, amounts: Matrix) -> Matrix:
        """Return the share of training rows below amounts of a part.

        Args:
            part: 0: the most unusual value, 1: the combination, 2: the greater share of both.
            amounts: Of shape (n_rows,).
        """
        import numpy as np

        found: Matrix = np.interp(amounts, self._ranks[part], self._shares)
        return found

    def parts(self, columns: Sequence[Sequence[Any]]) -> tuple[Matrix, Matrix]:
        """Return the surprise of the most unusual value, and the distance of the combination."""
        import numpy as np

        coordinates, surprises = self.coordinates(columns)
        if not self._root.size:
            return surprises, np.zeros(len(surprises))
        turned = (coordinates - self._means) @ self._root
        return surprises, np.einsum("ij,ij->i", turned, turned)

    def coordinates(self, columns: Sequence[Sequence[Any]]) -> tuple[Matrix, Matrix]:
        """Return the coordinates of rows, and the surprise of the most unusual value of each."""
        import numpy as np

        rows = len(columns[0])
        surprises = np.zeros(rows)
        parts = []
        if self._number_places:
            numbers = np.array([columns[place] for place in self._number_places], np.float64).T
            scores = np.concatenate(
                [self._normal_scores(part) for part in _chunks(numbers)] or [numbers]
            )
            of_cells = surprise_of(np.abs(scores))
            gaps = np.isnan(scores)
            if gaps.any():
                of_cells, scores = np.where(gaps, self._missing, of_cells), np.nan_to_num(scores)
            surprises = of_cells.max(axis=1)
            parts.append(scores)
        for place, scale, levels in self._categories:
            seen, values = scale.seen, columns[place]
            told = [
                scale.missing if value is None else seen.get(value, scale.unseen)
                for value in values
            ]
            surprises = np.maximum(surprises, told)
            if levels:
                # The column after the last level takes all others, and is cut off.
                indicators = np.zeros((rows, len(levels) + 1))
                indicators[np.arange(rows), [levels.get(value, -1) for value in values]] = 1
                parts.append(indicators[:, :-1])
        return (np.hstack(parts) if parts else np.zeros((rows, 0))), surprises

    def _normal_scores(self, numbers: Matrix) -> Matrix:
        """Normal scores of numbers of shape (n_rows, n_numbers); NaN stays."""
        import numpy as np

        cells = numbers[:, :, None]
        below = (self._knots < cells).sum(axis=2)
        up_to = (self._knots <= cells).sum(axis=2)
        last, columns = len(self._grid) - 1, np.arange(numbers.shape[1])
        # The knots next to a number; of a number that is a knot, or several, the outer ones.
        is_knot = up_to > below
        left = np.clip(np.where(is_knot, below, below - 1), 0, last)
        right = np.clip(np.where(is_knot, up_to - 1, up_to), 0, last)
        low, high = self._knots[columns, left], self._knots[columns, right]
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            way = np.where(high > low, (numbers - low) / (high - low), 0.5)
            scores = self._grid[left] + way * (self._grid[right] - self._grid[left])
            beyond = (below > last) | (up_to == 0)
            # There both are the first or the last knot.
            scores = np.where(beyond, scores + (numbers - low) / self._units, scores)
            scores = np.clip(scores, -FURTHEST, FURTHEST)
        return np.where(np.isnan(numbers), np.nan, scores)


def surprise_of(deviations: Matrix) -> Matrix:
    """Minus the logarithm of the two-sided p-value of a normal score, exact at 0 and far away."""
    import numpy as np

    found: Matrix = deviations**2 / 2 + np.log1p(deviations * math.sqrt(math.pi / 2))
    return found


def _chunks(numbers: Matrix) -> list[Matrix]:
    return [numbers[start : start + CHUNK_ROWS] for start in range(0, len(numbers), CHUNK_ROWS)]
