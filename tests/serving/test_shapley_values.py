"""Sampled Shapley values, beside exact ones of the shap library."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import xgboost

from slipway.serving.model_server.shapley_values import Explainer, OutOfTime
from slipway.stages.model.background_rows import BackgroundRows
from slipway.stages.ports.raw_column import RawColumn

COLUMNS = 8
RAW = [RawColumn(f"x{place}", "number", required=True) for place in range(COLUMNS)]
LONG = float("inf")


def explainer(score: Any, background: np.ndarray[Any, Any], **named: Any) -> Explainer:
    """An explainer of a model of numbers."""
    rows = BackgroundRows([one.name for one in RAW], background.T.tolist(), 7)
    return Explainer(score, RAW, rows, pause=lambda _: None, **named)


def test_the_values_of_trees_are_nearly_the_exact_ones() -> None:
    """With the same background rows, by shap's TreeExplainer of the probability."""
    random = np.random.default_rng(0)
    rows = random.normal(size=(1500, COLUMNS))
    noise = random.normal(size=1500)
    labels = rows[:, 0] * rows[:, 1] + rows[:, 2] + 0.5 * rows[:, 3] + noise > 0
    model = xgboost.XGBClassifier(n_estimators=40, max_depth=4, n_jobs=1)
    model.fit(rows, labels.astype(int))

    def score(values: Sequence[Sequence[Any]]) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = model.predict_proba(np.array(values, float).T)[:, 1]
        return found.astype(np.float64)

    background, asked = rows[:32], rows[100:130]
    scores = score(asked.T.tolist()).tolist()
    found = explainer(score, background).explain(asked.T.tolist(), scores, until=LONG)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import shap

        explained = shap.TreeExplainer(model, data=background, model_output="probability")
        exact = explained.shap_values(asked)
    assert np.corrcoef(found.values.ravel(), exact.ravel())[0, 1] > 0.985
    assert np.abs(found.values - exact).mean() < 0.15 * np.abs(exact).mean()
    assert found.values.sum(axis=1) + found.base == pytest.approx(scores, abs=1e-12)


def linear(values: Sequence[Sequence[Any]]) -> np.ndarray[Any, Any]:
    """A model of which each column adds its number times its place."""
    numbers = np.array(values, float).T
    found: np.ndarray[Any, Any] = numbers @ np.arange(COLUMNS, dtype=float)
    return found


def test_the_values_of_a_linear_model_are_exact() -> None:
    """Its coefficient times the distance from the background's mean, in any permutation."""
    rows = np.random.default_rng(1).normal(size=(40, COLUMNS))
    background, asked = rows[:32], rows[32:]
    scores = linear(asked.T.tolist()).tolist()
    found = explainer(linear, background).explain(asked.T.tolist(), scores, until=LONG)
    exact = (asked - background.mean(axis=0)) * np.arange(COLUMNS)
    assert found.values == pytest.approx(exact)


def test_the_clock_is_looked_at_within_a_row() -> None:
    """So one row of many columns does not outlast its deadline by much."""
    ticks = iter(range(1000))
    background = np.random.default_rng(1).normal(size=(32, COLUMNS))
    one = explainer(linear, background, clock=lambda: float(next(ticks)))
    with pytest.raises(OutOfTime):
        one.explain([[1.0, 2.0, 3.0]] * COLUMNS, [1.0, 2.0, 3.0], until=1.5)
    assert next(ticks) == 3


def test_with_many_columns_fewer_background_rows_are_used() -> None:
    """What a row costs grows with the columns alone once eight rows are left."""
    asked: list[int] = []

    def counting(values: Sequence[Sequence[Any]]) -> np.ndarray[Any, Any]:
        asked.append(len(values[0]))
        return np.zeros(len(values[0]))

    raw = [RawColumn(f"x{place}", "number", required=True) for place in range(400)]
    rows = BackgroundRows([one.name for one in raw], [[0.0] * 32 for _ in raw], 7)
    one = Explainer(counting, raw, rows, pause=lambda _: None)
    one.explain([[1.0]] * 400, [0.0], until=LONG)
    assert sum(asked) == 8 * 2 * 400
    assert max(asked) * 400 <= 5_000
