"""Metrics port: metrics by name, for labels and scores, and gains with their uncertainty."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


class Measure(Protocol):
    """Computes metrics by their scikit-learn names."""

    def __call__(
        self, names: Sequence[str], *, actual: pd.Series[Any], scores: Any
    ) -> Mapping[str, float | None]:
        """Metrics by name, for labels and scores of shape (n_rows,).

        A metric that cannot be computed is None.
        """


@dataclass(frozen=True)
class Resampling:
    """Blocks of rows that are drawn as a whole, and how they are drawn.

    Attributes:
        blocks: Number of each row's block, from 0, of shape (n_rows,).
        count: Number of blocks.
        in_order: Whether the blocks follow one another in time, so that neighbours may be alike.
        resamples: Number of resamples.
        confidence: Of each one-sided bound.
        seed: Seed of the draws.
    """

    blocks: np.ndarray[Any, Any]
    count: int
    in_order: bool
    resamples: int
    confidence: float
    seed: int

    def repeated(self, times: int) -> Resampling:
        """Return the same blocks of rows that stand one after the other several times."""
        import numpy as np

        return replace(self, blocks=np.tile(self.blocks, times))


@dataclass(frozen=True)
class Gain:
    """Gain in a metric over another model on the same rows; positive where it is better.

    Attributes:
        value: Gain on all rows.
        lower: Lower one-sided bound.
        upper: Upper one-sided bound.
        error: Standard error.
        independent: Number of blocks that count as independent of one another.
    """

    value: float
    lower: float
    upper: float
    error: float
    independent: float


class Gains(Protocol):
    """Computes gains with their uncertainty."""

    def of_metrics(
        self,
        names: Sequence[str],
        *,
        actual: pd.Series[Any],
        challenger: Any,
        other: Any,
        resampling: Resampling,
    ) -> Mapping[str, Gain | None]:
        """Gain in each metric over another model on the same rows.

        A gain that cannot be computed is None.
        """

    def of_slices(
        self,
        name: str,
        *,
        actual: pd.Series[Any],
        challenger: Any,
        other: Any,
        slices: Mapping[str, np.ndarray[Any, Any]],
        resampling: Resampling,
    ) -> Mapping[str, Gain | None]:
        """Gain in one metric in each slice, with bounds that hold in all slices at once.

        A gain that cannot be computed is None.
        """

    def promise(
        self,
        name: str,
        *,
        actual: pd.Series[Any],
        scores: Any,
        constant: Any | None,
        resampling: Resampling,
    ) -> Gain | None:
        """Skill of a model, the share of the way from a constant to perfect answers.

        Without a constant its metric. None where it cannot be computed.
        """

    def surplus(
        self,
        name: str,
        *,
        actual: pd.Series[Any],
        scores: Any,
        constant: Any | None,
        promise: float,
        resampling: Resampling,
    ) -> Gain | None:
        """Gain over what a promise lets expect on these rows, with the rows' error alone."""
