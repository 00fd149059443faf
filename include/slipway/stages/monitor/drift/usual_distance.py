"""Learn from blocks without drift what is usual, and how unusual each block is for the others."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np

    Array = np.ndarray[Any, Any]


@dataclass(frozen=True)
class Usual:
    """Distances of a column without drift, to the power that makes them nearly normal.

    Attributes:
        centre: Their mean.
        spread: Their standard deviation.
        power: The exponent.
    """

    centre: float
    spread: float
    power: float

    @property
    def distance(self) -> float:
        """Usual distance."""
        return float(self.centre ** (1 / self.power))

    def score(self, distance: float) -> float:
        """Standard deviations by which a distance is above the usual one."""
        return float((distance**self.power - self.centre) / self.spread)

    def at(self, score: float) -> float:
        """Distance that has a score."""
        return float(max(0.0, self.centre + score * self.spread) ** (1 / self.power))


@dataclass(frozen=True)
class Learnt:
    """What blocks show.

    Attributes:
        usual: Their usual distance.
        scores: Score of each by the others, of shape (n_blocks,).
    """

    usual: Usual
    scores: Array


def learn_usual(distances: Array, *, floor: float, power: float, least: float) -> Learnt:
    """Learn the usual distance of blocks.

    Args:
        distances: Of the blocks, of shape (n_blocks,).
        floor: Smallest usual distance.
        power: Exponent that makes distances nearly normal.
        least: Smallest standard deviation of distances to that power.
    """
    import numpy as np

    values, lowest = np.nan_to_num(distances) ** power, floor**power
    spread = max(float(values.std(ddof=1)), least)
    usual = Usual(max(float(values.mean()), lowest), spread, power)
    return Learnt(usual, _held_out_scores(values, floor=lowest, least=least))


def chi_squared_spread(floor: float, *, power: float, freedom: int) -> float:
    """Standard deviation, at a floor, of a distance whose power is that of a chi-squared variable.

    Source: Wilson and Hilferty 1931, The Distribution of Chi-Square.
    """
    return float(floor**power * (2 / (9 * freedom)) ** 0.5)


def _held_out_scores(values: Array, *, floor: float, least: float) -> Array:
    """Score of each block by the mean and the standard deviation of the others."""
    import numpy as np

    count = len(values)
    others = (values.sum() - values) / (count - 1)
    squares = ((values**2).sum() - values**2) / (count - 1) - others**2
    spread = np.sqrt(np.maximum(0, squares) * (count - 1) / (count - 2))
    scores: Array = (values - np.maximum(others, floor)) / np.maximum(spread, least)
    return scores
