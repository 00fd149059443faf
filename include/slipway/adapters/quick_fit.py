"""Fit a quick model and a constant on a sample, to know what a gate may ask for."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn import metrics
from xgboost import XGBClassifier, XGBRegressor

from slipway.spec.labels import Label
from slipway.spec.metrics import Task
from slipway.stages.profile.quick_model import Reached

MOST_ROWS = 10_000
_QUICK: dict[str, Any] = {
    "n_estimators": 100,
    "max_depth": 4,
    "learning_rate": 0.1,
    "random_state": 0,
    # More of them wait for one another on a busy machine.
    "n_jobs": 1,
}
_MOST_FEATURES = 200


def fit_quickly(
    features: Mapping[str, pd.Series[Any]],
    target: pd.Series[Any],
    *,
    newest: np.ndarray[Any, Any],
    task: Task,
    positive: Label | None,
) -> Reached | None:
    """Return what a quick model and a constant reach on held-out rows, by metric.

    Args:
        features: Columns to learn from, categories as texts.
        target: Labels, of shape (n_rows,).
        newest: Whether each row is held out.
        task: Kind of prediction.
        positive: Class 1 of two; None: the greater one.

    Returns:
        None where too few rows, or one class only, are left to learn from.
    """
    known = target.notna().to_numpy()
    train = _thinned(np.flatnonzero(known & ~newest))
    test = _thinned(np.flatnonzero(known & newest))
    if len(train) < 10 or len(test) < 3 or not features:  # noqa: PLR2004 - nothing to learn
        return None
    cells = np.column_stack(
        [_numbers(column) for column in list(features.values())[:_MOST_FEATURES]]
    )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if task == "regression":
            return _of_numbers(cells, target.to_numpy(float), train, test)
        return _of_classes(cells, target, train, test, positive)


def _thinned(rows: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    return rows[:: -(-len(rows) // MOST_ROWS)] if len(rows) else rows


def _numbers(column: pd.Series[Any]) -> np.ndarray[Any, Any]:
    if column.dtype == object:
        codes = pd.factorize(column)[0].astype(float)
        codes[codes < 0] = np.nan
        return codes
    return column.to_numpy(float)


def _of_numbers(
    cells: np.ndarray[Any, Any],
    labels: np.ndarray[Any, Any],
    train: np.ndarray[Any, Any],
    test: np.ndarray[Any, Any],
) -> Reached:
    said = XGBRegressor(**_QUICK).fit(cells[train], labels[train]).predict(cells[test])
    constant = np.full(len(test), labels[train].mean())
    error = metrics.mean_absolute_error
    return Reached(
        {"mean_absolute_error": float(error(labels[test], said))},
        {"mean_absolute_error": float(error(labels[test], constant))},
        len(test),
    )


def _of_classes(
    cells: np.ndarray[Any, Any],
    target: pd.Series[Any],
    train: np.ndarray[Any, Any],
    test: np.ndarray[Any, Any],
    positive: Label | None,
) -> Reached | None:
    codes, names = pd.factorize(target, sort=True)
    if len(np.unique(codes[train])) < 2 or len(np.unique(codes[test])) < 2:  # noqa: PLR2004
        return None
    # The classes of these rows, without gaps between their codes.
    learnt, dense = np.unique(codes[train], return_inverse=True)
    scores = XGBClassifier(**_QUICK).fit(cells[train], dense).predict_proba(cells[test])
    said, asked = learnt[scores.argmax(axis=1)], codes[test]
    commonest = np.bincount(codes[train]).argmax()
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
    return Reached(reached, constant, len(test))
