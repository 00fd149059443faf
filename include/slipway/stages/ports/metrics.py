"""Metrics port: metrics by name, for labels and scores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import pandas as pd


class Measure(Protocol):
    """Computes metrics by their scikit-learn names."""

    def __call__(
        self, names: Sequence[str], *, actual: pd.Series[Any], scores: Any
    ) -> Mapping[str, float | None]:
        """Metrics by name, for labels and scores of shape (n_rows,).

        A metric that cannot be computed is None.
        """
