"""Loss port: learn how large errors are from features."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

ExpectedLoss = Callable[["pd.DataFrame"], "np.ndarray[Any, Any]"]
"""Returns the expected loss of each row, of shape (n_rows,)."""


class FitLosses(Protocol):
    """Fits a model of a loss over features."""

    def __call__(
        self, rows: pd.DataFrame, losses: np.ndarray[Any, Any], *, seed: int
    ) -> ExpectedLoss:
        """Fit to rows whose losses are known.

        Args:
            rows: Numbers, and categories as texts; null where there is no value.
            losses: Of shape (n_rows,).
            seed: Seed of the fit.
        """
