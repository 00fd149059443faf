"""Calibrate the probabilities of a fitted classifier on rows that it has not seen."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.calibration import CalibratedClassifierCV
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import Pipeline

from slipway.errors import NotComputable
from slipway.spec import ModelSpec

LEAST_OF_A_CLASS = 10
"""Rows of each class; the correction of a class that hardly occurs is chance."""

TRUSTED_TYPES = (
    "sklearn.calibration._CalibratedClassifier",
    "sklearn.calibration._SigmoidCalibration",
)
"""Types of scikit-learn that hold a calibration, beside those that skops knows as safe."""

FOLDS = 2
"""Parts in which the rows are scored; the estimator is fitted in none of them."""


def calibrate(
    pipeline: Pipeline, features: Any, target: np.ndarray[Any, Any], *, spec: ModelSpec
) -> None:
    """Put a calibrated estimator in the place of a pipeline's own.

    Args:
        pipeline: Fitted.
        features: Rows that it was not fitted to.
        target: Classes, as its estimator knows them, of shape (n_rows,).
        spec: Model, whose training asks for it.

    Raises:
        NotComputable: A class has too few of the rows.

    Source:
        Niculescu-Mizil and Caruana 2005, Predicting Good Probabilities with Supervised Learning.
    """
    calibration = spec.training.calibration
    if calibration is None:
        raise AssertionError(spec.model)
    name, estimator = pipeline.steps[-1]
    counts = [int((target == one).sum()) for one in estimator.classes_]
    if min(counts) < LEAST_OF_A_CLASS:
        raise NotComputable(
            "the scores cannot be calibrated: a class has too few rows that are kept for it",
            expected=f"at least {LEAST_OF_A_CLASS} of each class",
            found=f"{min(counts):,} of the rarest, of {len(target):,} rows",
            hint="raise `days` or `share` of `training.calibration` in model.yaml, or wait for "
            "more labels",
        )
    calibrated = CalibratedClassifierCV(
        FrozenEstimator(estimator), method=calibration.method, ensemble=False, cv=FOLDS
    )
    calibrated.fit(pipeline[:-1].transform(features), target)
    pipeline.steps[-1] = (name, calibrated)


def below_calibration(estimator: Any) -> Any:
    """Return the estimator that a calibration corrects; one without calibration as it is."""
    if isinstance(estimator, CalibratedClassifierCV):
        return estimator.estimator.estimator
    return estimator
