"""Fit a quick model and a constant on a sample, to know what a gate may ask for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics
from xgboost import XGBClassifier, XGBRegressor

from slipway.adapters.model_package.quick_cells import Cells, code_cells, encode_cells
from slipway.spec.labels import Label
from slipway.spec.metrics import Task
from slipway.stages.profile.estimator_of_plan import LEARNING_RATE, Recipe, Trees
from slipway.stages.profile.quick_model import Reached

MOST_ROWS = 10_000
_PLAIN = Trees(100, 4)
_MOST_TREES = 3_000
"""Trees of all classes together."""


def fit_quickly(
    features: Mapping[str, pd.Series[Any]],
    target: pd.Series[Any],
    *,
    newest: np.ndarray[Any, Any],
    task: Task,
    positive: Label | None,
    recipe: Recipe | None = None,
) -> Reached | None:
    """Return what a quick model and a constant reach on held-out rows, by metric.

    Args:
        features: Columns to learn from, categories as texts.
        target: Labels, of shape (n_rows,).
        newest: Whether each row is held out.
        task: Kind of prediction.
        positive: Class 1 of two; None: the greater one.
        recipe: How the written model learns; None: quickly, with categories as numbers.

    Returns:
        None where too few rows, or one class only, are left to learn from.
    """
    known = target.notna().to_numpy()
    train = _thinned(np.flatnonzero(known & ~newest))
    test = _thinned(np.flatnonzero(known & newest))
    if len(train) < 10 or len(test) < 3 or not features:  # noqa: PLR2004 - nothing to learn
        return None
    fit = _Fit(features, train, test, task, recipe)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if task == "regression":
            return fit.of_numbers(target.to_numpy(float))
        return fit.of_classes(target, positive)


def _thinned(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return rows[:: -(-len(rows) // MOST_ROWS)] if len(rows) else rows


@dataclass(frozen=True)
class _Fit:
    features: Mapping[str, pd.Series[Any]]
    train: np.ndarray[Any, Any]
    test: np.ndarray[Any, Any]
    task: Task
    recipe: Recipe | None

    def of_numbers(self, labels: np.ndarray[Any, Any]) -> Reached:
        learnt, asked = labels[self.train], labels[self.test]
        cells = self._cells(learnt)
        said = XGBRegressor(**self._params(cells)).fit(cells.train, learnt).predict(cells.test)
        constant = np.full(len(asked), learnt.mean())
        error = metrics.mean_absolute_error
        return Reached(
            {"mean_absolute_error": float(error(asked, said))},
            {"mean_absolute_error": float(error(asked, constant))},
            len(asked),
        )

    def of_classes(self, target: pd.Series[Any], positive: Label | None) -> Reached | None:
        codes, names = pd.factorize(target, sort=True)
        asked = codes[self.test]
        # The classes of these rows, without gaps between their codes.
        learnt, dense = np.unique(codes[self.train], return_inverse=True)
        if len(learnt) < 2 or len(np.unique(asked)) < 2:  # noqa: PLR2004 - two classes
            return None
        cells = self._cells(dense)
        params = self._params(cells, classes=len(learnt))
        scores = XGBClassifier(**params).fit(cells.train, dense).predict_proba(cells.test)
        said = learnt[scores.argmax(axis=1)]
        commonest = learnt[np.bincount(dense).argmax()]
        reached = {
            "accuracy": float((said == asked).mean()),
            "balanced_accuracy": float(metrics.balanced_accuracy_score(asked, said)),
        }
        constant = {
            "accuracy": float((asked == commonest).mean()),
            "balanced_accuracy": 1 / len(np.unique(asked)),
        }
        if len(names) == 2:  # noqa: PLR2004 - two classes
            one = 1 if positive is None else int(list(names).index(positive))
            score, is_one = scores[:, one], asked == one
            reached["roc_auc"] = float(metrics.roc_auc_score(is_one, score))
            reached["average_precision"] = float(metrics.average_precision_score(is_one, score))
            constant |= {"roc_auc": 0.5, "average_precision": float(is_one.mean())}
        return Reached(reached, constant, len(asked))

    def _cells(self, labels: np.ndarray[Any, Any]) -> Cells:
        if self.recipe is None:
            return code_cells(self.features, train=self.train, test=self.test)
        return encode_cells(
            self.features,
            labels,
            train=self.train,
            test=self.test,
            task=self.task,
            recipe=self.recipe,
        )

    def _params(self, cells: Cells, *, classes: int = 2) -> dict[str, Any]:
        recipe = self.recipe
        size = _PLAIN if recipe is None else recipe.trees
        each = 1 if classes == 2 else classes  # noqa: PLR2004 - two classes have one score
        return {
            "n_estimators": min(size.count, max(20, _MOST_TREES // each)),
            "max_depth": size.depth,
            "learning_rate": LEARNING_RATE,
            "random_state": 0 if recipe is None else recipe.seed,
            # More of them wait for one another on a busy machine.
            "n_jobs": 1,
            **cells.params,
        }
