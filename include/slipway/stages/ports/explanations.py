"""Explanations port: what a model's answers are made of, by raw column."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from slipway.stages.ports.package import Package

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Explained:
    """Explanation of some rows.

    Attributes:
        columns: Raw columns of the model.
        sizes: How much each column moves each row's answer, of shape (n_rows, n_columns); of
            several classes their mean. The first rows that were given, where time was short.
        method: How it was computed: `tree`, `linear` or `permutation`.
    """

    columns: Sequence[str]
    sizes: np.ndarray[Any, Any]
    method: str


class Explain(Protocol):
    """Explains a model's answers."""

    def __call__(
        self, package: Package, rows: pd.DataFrame, *, seed: int, max_seconds: float
    ) -> Explained | None:
        """Explain rows, as many as there is time for; None where it cannot be done.

        Args:
            package: Model.
            rows: Rows with its raw columns, in random order.
            seed: Seed of what is drawn.
            max_seconds: Time after which no further rows are begun.
        """
