"""Weights of training rows by their class."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from slipway.errors import SpecError
from slipway.spec import ModelSpec
from slipway.spec.labels import Label, spelled

Array = np.ndarray[Any, Any]
BINARY: tuple[Label, ...] = (0, 1)


def weights_by_class(
    target: Array, classes: Sequence[Label] | None, *, spec: ModelSpec
) -> dict[str, float] | None:
    """Return the weight of a row of each class; None without `class_weights`.

    Balanced weights are rows / (classes x rows of the class), so that each class weighs the same.

    Args:
        target: Codes of classes, of shape (n_rows,).
        classes: Classes by their codes; None: 0 and 1.
        spec: Model.

    Raises:
        SpecError: The spec gives a weight to a class that the target does not have.
    """
    given, known = spec.training.class_weights, [spelled(one) for one in classes or BINARY]
    if given is None:
        return None
    if given == "balanced":
        counts = np.bincount(target, minlength=len(known))
        present = int((counts > 0).sum())
        return {
            name: len(target) / (present * int(rows)) if rows else 0.0
            for name, rows in zip(known, counts, strict=True)
        }
    unknown = sorted(given.keys() - set(known))
    if unknown:
        raise SpecError(
            f"{spec.model} has weights of classes that its target does not have",
            expected=f"weights of {len(known)} classes",
            found=", ".join(unknown),
            where=f"model.yaml of {spec.model}: training.class_weights",
        )
    return {name: float(given.get(name, 1.0)) for name in known}


def fit_arguments(
    estimator: Any, row_weights: Array | None, *, spec: ModelSpec
) -> dict[str, Array]:
    """Return the keyword arguments of a fit that weigh its rows; none without weights.

    Args:
        estimator: Unfitted; of a pipeline its last step is weighted.
        row_weights: Weight of each row, of shape (n_rows,); None: all weigh the same.
        spec: Model.

    Raises:
        SpecError: The estimator cannot weigh rows.
    """
    if row_weights is None:
        return {}
    last, name = estimator, "sample_weight"
    if isinstance(estimator, Pipeline):
        step, last = estimator.steps[-1]
        name = f"{step}__sample_weight"
    if not has_fit_parameter(last, "sample_weight"):
        raise SpecError(
            f"{type(last).__name__} cannot weigh rows",
            expected="an estimator whose `fit` takes `sample_weight`",
            where=f"model.yaml of {spec.model}: training.class_weights",
        )
    return {name: row_weights}
