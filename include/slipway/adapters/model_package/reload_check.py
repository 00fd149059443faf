"""Check that a saved model, loaded again, predicts what it predicted before."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from slipway.adapters.model_package.package import Package, load_package
from slipway.errors import SpecError
from slipway.stages.ports.package import ReferenceRows


def require_same_after_reload(
    package: Package, folder: Path, reference: ReferenceRows, *, model: str
) -> None:
    """Raise unless the saved pipeline repeats its scores of the reference, bit by bit.

    Args:
        package: The model before it was saved.
        folder: The saved version.
        reference: Rows, with their scores as predicted before saving.
        model: Name of the model.

    Raises:
        SpecError: A score differs.
    """
    again = load_package(folder, package.hashed.keys)
    if not np.array_equal(again.predict(reference.features), reference.scores):
        raise SpecError(
            f"{model} predicts differently once it is saved and loaded",
            hint="keep no state outside the estimators of pipeline.py",
        )
