"""Learn how large a model's errors are from features, by boosted trees of few leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from sklearn.ensemble import HistGradientBoostingRegressor

from slipway.stages.ports.losses import ExpectedLoss

MOST_CATEGORIES = 200
"""Categories of a column that are told apart, the most frequent ones; scikit-learn takes 255."""

ROUNDS, LEAVES, LEAST_SHARE, LEAST_ROWS = 60, 8, 0.02, 20
"""Of the trees. Losses are noisy: a leaf has a fiftieth of the rows, so that its mean is steady."""


def fit_losses(rows: pd.DataFrame, losses: np.ndarray[Any, Any], *, seed: int) -> ExpectedLoss:
    """Fit a model of a loss; see the port `FitLosses`.

    The mean of its expectations over `rows` is that of the losses.
    """
    names = [name for name in rows if len(rows[name].unique()) > 1]
    mean = float(losses.mean())
    if not names:
        return lambda others: np.full(len(others), mean)
    categories = {
        name: rows[name].value_counts().index[:MOST_CATEGORIES]
        for name in names
        if not pd.api.types.is_numeric_dtype(rows[name])
    }

    def prepared(given: pd.DataFrame) -> pd.DataFrame:
        columns = {
            name: pd.Categorical(
                given[name].where(given[name].isin(categories[name])), categories=categories[name]
            )
            if name in categories
            else given[name].to_numpy(dtype="float64")
            for name in names
        }
        return pd.DataFrame(columns)

    model = HistGradientBoostingRegressor(
        max_iter=ROUNDS,
        max_leaf_nodes=LEAVES,
        min_samples_leaf=max(LEAST_ROWS, int(len(rows) * LEAST_SHARE)),
        early_stopping=False,
        categorical_features="from_dtype",
        random_state=seed,
    )
    model.fit(prepared(rows), losses)

    def expected(others: pd.DataFrame) -> np.ndarray[Any, Any]:
        found: np.ndarray[Any, Any] = model.predict(prepared(others))
        return found

    return expected
