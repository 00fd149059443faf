"""Compare the predictions of two models on the same rows; pure."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.records.verdicts import Number
from slipway.stages.train.engine_choice import TOLERANCE

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True)
class PredictionDifference:
    """Difference of two models' predictions.

    Attributes:
        rows: Number of rows.
        largest: Largest absolute difference; None where the predictions cannot be compared.
        mean: Mean absolute difference; None likewise.
        largest_scaled: Largest difference, absolute below 1 and relative above, as the parity of
            the engines is judged; None likewise.
    """

    rows: int
    largest: float | None
    mean: float | None
    largest_scaled: float | None

    @property
    def is_within_tolerance(self) -> bool:
        """Whether the predictions are the same within the tolerance of the engines' parity."""
        return self.largest_scaled is not None and self.largest_scaled <= TOLERANCE

    def numbers(self) -> dict[str, Number]:
        """Return the difference as the numbers of a verdict."""
        return {
            "rows": self.rows,
            "largest_difference": self.largest,
            "mean_difference": self.mean,
            "largest_scaled_difference": self.largest_scaled,
            "tolerance": TOLERANCE,
        }

    def __str__(self) -> str:
        if self.largest is None or self.mean is None:
            return f"the predictions on its {self.rows:,} holdout rows cannot be compared"
        if self.largest == 0:
            return f"the predictions on its {self.rows:,} holdout rows are identical"
        return (
            f"the predictions on its {self.rows:,} holdout rows differ by at most "
            f"{self.largest:.3g} and by {self.mean:.3g} on average"
        )


def compare_predictions(
    registered: np.ndarray[Any, Any], rebuilt: np.ndarray[Any, Any]
) -> PredictionDifference:
    """Compare predictions of shape (n_rows,) or (n_rows, n_classes).

    Other shapes, no rows, and a prediction that is not finite cannot be compared.
    """
    import numpy as np

    rows = len(registered)
    if registered.shape != rebuilt.shape or rows == 0:
        return PredictionDifference(rows, None, None, None)
    gaps = np.abs(registered - rebuilt)
    largest = float(gaps.max())
    if not math.isfinite(largest):
        return PredictionDifference(rows, None, None, None)
    scaled = gaps / np.maximum(1.0, np.abs(registered))
    return PredictionDifference(rows, largest, float(gaps.mean()), float(scaled.max()))
