"""Check that a saved model, loaded again, predicts what it predicted before."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd

from slipway.adapters.model_package.package import load_package
from slipway.errors import SpecError


def require_same_after_reload(folder: Path, reference: pd.DataFrame, *, model: str) -> None:
    """Raise unless the saved pipeline repeats its scores of the reference, bit by bit.

    Args:
        folder: The saved version.
        reference: Raw feature columns, and `score` as predicted before saving.
        model: Name of the model.

    Raises:
        SpecError: A score differs.
    """
    if not np.array_equal(load_package(folder).predict(reference), reference["score"]):
        raise SpecError(
            f"{model} predicts differently once it is saved and loaded",
            hint="keep no state outside the estimators of pipeline.py",
        )
