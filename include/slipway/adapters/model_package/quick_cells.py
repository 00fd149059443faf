"""Turn sampled columns into the matrices of a quick model: by codes, or as a spec encodes them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from xgboost import XGBModel

from slipway.adapters.model_package.encoders import encoder_parts, name_categories
from slipway.adapters.model_package.preparation import fit_preparation, prepared_matrix
from slipway.spec.encodings import Encoding
from slipway.spec.metrics import Task
from slipway.stages.profile.estimator_of_plan import Recipe

Matrix = np.ndarray[Any, Any]

_MOST_FEATURES = 200


@dataclass(frozen=True)
class Cells:
    """Matrices of training and holdout rows.

    Attributes:
        train: Of shape (n_training_rows, n_features).
        test: Of shape (n_holdout_rows, n_features).
        params: What the estimator has to know of them.
    """

    train: Matrix
    test: Matrix
    params: Mapping[str, Any] = field(default_factory=dict)


def code_cells(features: Mapping[str, pd.Series[Any]], *, train: Matrix, test: Matrix) -> Cells:
    """Return the columns as numbers, categories by the order of their first rows.

    Args:
        features: Columns of the sample.
        train: Numbers of the training rows.
        test: Numbers of the holdout rows.
    """
    cells = np.column_stack([_codes(column) for column in list(features.values())[:_MOST_FEATURES]])
    return Cells(cells[train], cells[test])


def encode_cells(
    features: Mapping[str, pd.Series[Any]],
    labels: Matrix,
    *,
    train: Matrix,
    test: Matrix,
    task: Task,
    recipe: Recipe,
) -> Cells:
    """Return the columns as a training of the written spec prepares them.

    Args:
        features: Columns of the sample.
        labels: Target of the training rows; of classes their codes, without gaps.
        train: Numbers of the training rows.
        test: Numbers of the holdout rows.
        task: Kind of prediction.
        recipe: How the written model learns.
    """
    used = dict(list(features.items())[:_MOST_FEATURES])
    encodings = {name: one for name, one in recipe.encodings.items() if name in used}
    numeric = [name for name in used if name not in encodings]
    frame = pd.DataFrame(
        {
            name: _texts(column) if name in encodings else column.to_numpy(float)
            for name, column in used.items()
        }
    )
    impute = SimpleImputer(strategy="median", keep_empty_features=True)
    coded = encoder_parts(encodings, default=Encoding(), task=task, seed=recipe.seed)
    prepare = ColumnTransformer([("numeric", impute, numeric), *coded])
    known = frame.iloc[train]
    fit_preparation(prepare, known, labels)
    told = XGBModel()
    name_categories(told, prepare)
    params = {
        name: value
        for name, value in told.get_params().items()
        if name in {"feature_types", "enable_categorical"} and value
    }
    return Cells(
        prepared_matrix(prepare, known, labels, in_floats=True),
        prepare.transform(frame.iloc[test]),
        params,
    )


def _codes(column: pd.Series[Any]) -> Matrix:
    if column.dtype == object:
        codes = pd.factorize(column)[0].astype(float)
        codes[codes < 0] = np.nan
        return codes
    return column.to_numpy(float)


def _texts(column: pd.Series[Any]) -> Matrix:
    """Categories as training has them: texts, missing ones as NaN."""
    codes, values = pd.factorize(column)
    texts = [one if isinstance(one, str) else f"{one:.0f}" for one in values]
    every = np.array([*texts, np.nan], dtype=object)
    found: Matrix = every[codes]
    return found
