"""Fits of an estimator to few rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from slipway.adapters.model_package.learned_model import LearnedModel
from slipway.adapters.model_package.learner import SklearnLearner
from tests.support import packages

XGB, HIST, FOREST = (
    "xgboost.XGBRegressor",
    "sklearn.ensemble.HistGradientBoostingRegressor",
    "sklearn.ensemble.RandomForestRegressor",
)


def delays(count: int = 300) -> pd.DataFrame:
    """Crossings whose lateness in minutes is often negative."""
    random = np.random.default_rng(5)
    return packages.rows(count).assign(late=random.normal(0, 30, count))


def learn(
    estimator: str, rows: pd.DataFrame, source: str | None = None, **params: Any
) -> LearnedModel:
    """Learn lateness."""
    spec = packages.spec(estimator, **params)
    return SklearnLearner(spec, packages.dataset(), source).learn(rows)
