"""Keep training rows apart that correct a classifier's probabilities, unseen by its estimator."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slipway.spec.training import Training
from slipway.stages.gates.random_holdout import RandomHoldout
from slipway.stages.train.splitting import Split, require_rows

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

CALIBRATION_ROWS = "calibration_rows"
"""Number of a training: rows that were kept apart."""

OTHER_DRAW = 0x5EED
"""Added to the seed, so that this draw of keys is another one than the holdout's."""


def kept_for_calibration(
    parts: Split, training: Training, *, keys: pd.Series[Any] | None
) -> np.ndarray[Any, np.dtype[np.bool_]] | None:
    """Return which training rows are kept apart, of shape (n_rows,); None: the spec asks for none.

    By time they are the newest ones, at random all rows of a share of the keys.

    Args:
        parts: Training rows and holdout.
        training: Training of the spec.
        keys: Key of each training row; None by time.

    Raises:
        NotComputable: Too few rows are kept, or left for the estimator.
    """
    calibration = training.calibration
    if calibration is None:
        return None
    rows = parts.training
    kept: np.ndarray[Any, np.dtype[np.bool_]]
    if keys is None:
        times = rows[parts.event_time]
        kept = (times > times.max() - timedelta(days=calibration.days)).to_numpy(bool)
    else:
        draw = replace(RandomHoldout.of(training), share=calibration.share)
        kept = replace(draw, seed=training.seed + OTHER_DRAW).holds(keys)
    require_rows(int(kept.sum()), calibration.min_rows, what="rows for the calibration")
    require_rows(int((~kept).sum()), training.min_rows, what="training rows beside the calibration")
    return kept
