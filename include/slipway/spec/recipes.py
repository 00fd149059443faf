"""The recipes that `estimator: {name: auto}` judges, the simplest first, one row each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from slipway.spec.estimators import ESTIMATORS
from slipway.spec.metrics import Task

CONSTANT = "constant"
"""Name of the recipe that answers each row with the mean, or with the shares of the classes."""


@dataclass(frozen=True)
class RecipeRow:
    """A recipe.

    Attributes:
        name: As verdicts and cards name it.
        estimator: Import path; empty: a constant, which is judged and never kept.
        params: Its parameters, sound for some hundred to some million rows.
    """

    name: str
    estimator: str
    params: Mapping[str, Any] = field(default_factory=dict)


_SHALLOW = {"n_estimators": 150, "max_depth": 6, "min_samples_leaf": 5}
_HISTOGRAM = {"max_iter": 150, "learning_rate": 0.06, "max_leaf_nodes": 15, "min_samples_leaf": 30}
_XGBOOST = {
    "n_estimators": 300,
    "learning_rate": 0.05,
    "max_depth": 6,
    "min_child_weight": 5,
    "subsample": 0.8,
    "colsample_bytree": 0.8,
}

RECIPES: tuple[RecipeRow, ...] = (
    RecipeRow(CONSTANT, ""),
    RecipeRow("linear", "sklearn.linear_model.LogisticRegression", {"max_iter": 1000}),
    RecipeRow("linear", "sklearn.linear_model.Ridge"),
    RecipeRow("shallow forest", "sklearn.ensemble.RandomForestClassifier", _SHALLOW),
    RecipeRow("shallow forest", "sklearn.ensemble.RandomForestRegressor", _SHALLOW),
    RecipeRow("histogram boosting", "sklearn.ensemble.HistGradientBoostingClassifier", _HISTOGRAM),
    RecipeRow("histogram boosting", "sklearn.ensemble.HistGradientBoostingRegressor", _HISTOGRAM),
    RecipeRow("deep boosting", "xgboost.XGBClassifier", _XGBOOST),
    RecipeRow("deep boosting", "xgboost.XGBRegressor", _XGBOOST),
)
"""In order of simplicity: within one standard error of the best the first one is kept."""


def recipes_of(task: Task) -> tuple[RecipeRow, ...]:
    """Return the recipes of a kind of prediction, the simplest first."""
    return tuple(
        row for row in RECIPES if not row.estimator or ESTIMATORS[row.estimator].fits(task)
    )
