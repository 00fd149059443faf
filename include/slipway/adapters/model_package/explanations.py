"""Explain a model's answers by SHAP values, summed back to its raw columns.

shap is imported only here, inside the function: with numba below it that takes seconds.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package.calibrated import below_calibration
from slipway.adapters.model_package.package import Package
from slipway.adapters.model_package.shuffled_columns import STEPS, column_places
from slipway.stages.ports import package as ports
from slipway.stages.ports.explanations import Explained

log = logging.getLogger(__name__)

BACKGROUND_ROWS = 20
"""Rows whose values stand for a missing column, where a model is only asked for its answers."""

LINEAR_BACKGROUND_ROWS = 100
CHUNK_ROWS = 20
"""Rows that are explained between two looks at the clock."""

Sizes = np.ndarray[Any, Any]


@dataclass(frozen=True)
class _Method:
    """A way to explain rows.

    Attributes:
        name: Name of the way.
        sizes: Returns how much each column moves each row's answer.
    """

    name: str
    sizes: Callable[[pd.DataFrame], Sizes]


def explain(
    package: ports.Package,
    rows: pd.DataFrame,
    *,
    seed: int,
    max_seconds: float,
    clock: Callable[[], float] = time.monotonic,
) -> Explained | None:
    """Explain rows, as many as there is time for; see `Explain`.

    Trees are explained by TreeExplainer, linear estimators by LinearExplainer, anything else, and
    what these refuse, by PermutationExplainer, which asks for the answers of changed rows.

    Args:
        package: Model.
        rows: Rows with its raw columns, in random order.
        seed: Seed of the permutations.
        max_seconds: Time after which no further rows are begun; the first ones always are.
        clock: Seconds.

    Source:
        Lundberg and Lee 2017, A Unified Approach to Interpreting Model Predictions; Lundberg et
        al. 2020, From local explanations to global understanding with explainable AI for trees.
    """
    if not isinstance(package, Package) or rows.empty:
        return None
    rows = package.pipeline_rows(rows).reset_index(drop=True)
    for make in (_by_features, _by_answers):
        method = None
        try:
            method = make(package, rows, seed)
            if method is not None:
                return _explain(package, rows, method, max_seconds=max_seconds, clock=clock)
        except Exception:
            # An estimator that one way does not support is explained by the other.
            log.exception("%s cannot be explained this way", type(package.pipeline[-1]).__name__)
    return None


def _explain(
    package: Package,
    rows: pd.DataFrame,
    method: _Method,
    *,
    max_seconds: float,
    clock: Callable[[], float],
) -> Explained:
    began, found = clock(), []
    for start in range(0, len(rows), CHUNK_ROWS):
        found.append(method.sizes(rows.iloc[start : start + CHUNK_ROWS]))
        if clock() - began > max_seconds:
            break
    names = [column.name for column in package.columns]
    return Explained(names, np.concatenate(found), method.name)


def _by_features(package: Package, rows: pd.DataFrame, seed: int) -> _Method | None:
    """Explain prepared features, where each raw column is prepared by itself."""
    del seed
    steps = package.pipeline.steps
    places = dict(column_places(steps[0][1])) if len(steps) == STEPS else {}
    if not all(column.name in places for column in package.columns):
        return None
    import shap

    prepare, estimator = steps[0][1], below_calibration(steps[1][1])
    if hasattr(estimator, "coef_"):
        background = prepare.transform(rows.head(LINEAR_BACKGROUND_ROWS))
        name, explainer = "linear", shap.LinearExplainer(estimator, background)
    else:
        name, explainer = "tree", shap.TreeExplainer(estimator)
    names = [column.name for column in package.columns]

    def sizes(part: pd.DataFrame) -> Sizes:
        prepared = prepare.transform(part)
        return _sizes(np.asarray(explainer.shap_values(prepared)), places, names)

    return _Method(name, sizes)


def _sizes(values: Sizes, places: Mapping[str, slice], names: list[str]) -> Sizes:
    """Sizes by raw column, of values by prepared feature, which add up."""
    by_column = [np.abs(values[:, places[name]].sum(axis=1)) for name in names]
    of_classes = [one if one.ndim == 1 else one.mean(axis=1) for one in by_column]
    return np.column_stack(of_classes)


def _by_answers(package: Package, rows: pd.DataFrame, seed: int) -> _Method:
    """Explain raw columns by the answers to rows that have some of them from other rows."""
    import shap

    names = [column.name for column in package.columns]

    def answers(cells: Sizes) -> Sizes:
        # A cell is the number of the row that has its value: so any type is explained.
        numbers = cells.astype(np.int64)
        frame = {
            name: rows[name].take(numbers[:, place]).reset_index(drop=True)
            for place, name in enumerate(names)
        }
        return package.score(pd.DataFrame(frame))

    def cells(part: pd.DataFrame) -> Sizes:
        return np.repeat(part.index.to_numpy()[:, None], len(names), axis=1).astype(np.float64)

    masker = shap.maskers.Independent(cells(rows.head(BACKGROUND_ROWS)), BACKGROUND_ROWS)
    explainer = shap.PermutationExplainer(answers, masker, seed=seed)

    def sizes(part: pd.DataFrame) -> Sizes:
        found = explainer(cells(part), max_evals=2 * len(names) + 1, silent=True)
        values = np.abs(np.asarray(found.values))
        of_columns: Sizes = np.atleast_3d(values).mean(axis=2)
        return of_columns

    return _Method("permutation", sizes)
