"""Check, before a fit, what an estimator would refuse with an error of its own."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from slipway.errors import SpecError
from slipway.spec import ModelSpec
from slipway.spec.estimators import ESTIMATORS, EstimatorClass
from slipway.spec.monotonic_constraints import constraints_of
from slipway.spec.target_ranges import ANY, NOT_NEGATIVE, POSITIVE, TargetRange

_OF_CLASS = {"PoissonRegressor": NOT_NEGATIVE, "GammaRegressor": POSITIVE}
"""Further estimators that a `pipeline.py` can build, by the name of their class."""


def require_fitting_target(
    estimator: Any, target: np.ndarray[Any, Any], *, spec: ModelSpec
) -> None:
    """Raise unless the estimator's objective can learn every value of the target.

    Args:
        estimator: Unfitted; of a pipeline its last step counts.
        target: Values of shape (n_rows,).
        spec: Spec of the model.

    Raises:
        SpecError: Some values lie outside the objective's range.
    """
    last = _last(estimator)
    needed, objective = _range_of(last)
    outside = sum(not needed.holds(value) for value in (target.min(), target.max()))
    if outside:
        count = int((~np.vectorize(needed.holds, otypes=[bool])(target)).sum())
        raise SpecError(
            f"{objective} of {type(last).__name__} cannot learn this target",
            expected=f"values {needed} in every row",
            found=f"others in {count:,} of {len(target):,} rows",
            where=f"column {spec.target}; model.yaml of {spec.model}: estimator.params",
            hint="choose an objective for any number, such as a squared error, or correct the "
            "labels and bound them in expectations.yaml",
        )


def require_fitting_constraints(estimator: Any, width: int, *, spec: ModelSpec) -> None:
    """Raise unless monotonic constraints have one sign for each prepared feature.

    Args:
        estimator: Unfitted; of a pipeline its last step counts.
        width: Number of prepared features.
        spec: Spec of the model.

    Raises:
        SpecError: There are fewer or more.
    """
    last = _last(estimator)
    row = _row_of(last)
    given = None if row is None or row.monotonic is None else last.get_params().get(row.monotonic)
    signs = None if given is None else constraints_of(given)
    if row is None or given is None or (signs is not None and len(signs) == width):
        return
    raise SpecError(
        f"{row.monotonic} of {type(last).__name__} does not fit the prepared features",
        expected=f"{width:,} signs, each -1, 0 or 1: first those of the numeric columns, then one "
        "for each category of each categorical column",
        found=f"{len(signs):,} signs" if signs is not None else type(given).__name__,
        where=f"model.yaml of {spec.model}: estimator.params.{row.monotonic}",
        hint="constrain a model of numeric columns alone, since categories come and go",
    )


def _last(estimator: Any) -> Any:
    return _last(estimator.steps[-1][1]) if isinstance(estimator, Pipeline) else estimator


def _row_of(estimator: Any) -> EstimatorClass | None:
    return next((row for row in ESTIMATORS.values() if row.builds(estimator)), None)


def _range_of(estimator: Any) -> tuple[TargetRange, str]:
    """Range of the target, and the objective that needs it."""
    row = _row_of(estimator)
    if row is not None and row.objectives is not None:
        params = estimator.get_params()
        param = row.objectives.param
        return row.objectives.range_of(params), f"{param} {params.get(param)}"
    return _OF_CLASS.get(type(estimator).__name__, ANY), "the loss"
