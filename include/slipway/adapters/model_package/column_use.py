"""Order a model's raw columns by how much its estimator says that it uses them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from slipway.adapters.model_package.calibrated import below_calibration
from slipway.adapters.model_package.package import Package


def columns_by_use(package: Package) -> list[str]:
    """Return the raw columns, those first that the estimator weighs most.

    Where the estimator does not tell, or its features are no raw columns, they keep their order.
    """
    names = list(dict.fromkeys(column.name for column in package.columns))
    used = dict.fromkeys(names, 0.0)
    for feature, weight in _weights(package):
        if (name := _column_of(feature, used)) is not None:
            used[name] += weight
    return sorted(names, key=lambda name: -used[name])


def _weights(package: Package) -> Iterator[tuple[str, float]]:
    """Prepared features, and how much the estimator weighs each."""
    pipeline = package.pipeline
    weights = _own_weights(below_calibration(pipeline[-1]))
    prepared: Sequence[str] = pipeline[-2].get_feature_names_out()
    if weights is not None and len(weights) == len(prepared):
        yield from zip(prepared, weights.tolist(), strict=True)


def _own_weights(estimator: Any) -> np.ndarray[Any, Any] | None:
    """What a fitted estimator says of its features; None where it says nothing."""
    told = getattr(estimator, "feature_importances_", None)
    told = getattr(estimator, "coef_", None) if told is None else told
    if told is None:
        return None
    weights: np.ndarray[Any, Any] = np.nan_to_num(np.abs(np.atleast_2d(told)).sum(axis=0))
    return weights


def _column_of(feature: str, columns: dict[str, float]) -> str | None:
    """The raw column of a prepared feature such as `numeric__wind` or `categorical__port_Basel`."""
    name = feature.partition("__")[2]
    while name and name not in columns:
        name = name.rpartition("_")[0]
    return name or None
