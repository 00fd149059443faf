"""Prepare training rows for an estimator without more copies of them than it needs.

scikit-learn's own `fit_transform` keeps the imputed numbers, the encoded categories and both side
by side at once, in doubles. Here the matrix is allocated once, in the type that the estimator
computes in, and filled chunk by chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.frozen import FrozenEstimator
from sklearn.preprocessing import TargetEncoder

from slipway.adapters.model_package.columns import cast
from slipway.stages.ports.raw_column import RawColumn

CHUNK_ROWS = 50_000

Matrix = np.ndarray[Any, np.dtype[np.floating[Any]]]


def cast_for_training(rows: pd.DataFrame, columns: Sequence[RawColumn]) -> pd.DataFrame:
    """Cast raw columns as `cast` does, one after the other; equal texts are one object.

    Args:
        rows: Rows with at least the required columns.
        columns: The model's raw columns, in its order.

    Raises:
        BadRequest: A required column is missing, or one holds what cannot be cast.
    """
    prepared = {column.name: _shared(cast(rows, [column])[column.name]) for column in columns}
    return pd.DataFrame(prepared, index=rows.index)


def fit_preparation(
    prepare: ColumnTransformer,
    features: pd.DataFrame,
    target: np.ndarray[Any, Any] | None = None,
) -> int:
    """Fit a column transformer without transforming all rows; return the width of its output.

    Its parts are fitted alone, and frozen while it takes note of their names and widths.

    Args:
        prepare: Unfitted, of parts that treat each row by itself.
        features: Training rows.
        target: Of shape (n_rows,), for parts that encode by it.
    """
    parts = prepare.transformers
    fitted = [
        (name, clone(part).fit(features[names], target) if len(names) else part, names)
        for name, part, names in parts
    ]
    prepare.transformers = [(name, FrozenEstimator(part), names) for name, part, names in fitted]
    width = prepare.fit_transform(features.head(1)).shape[1]
    prepare.transformers = parts
    prepare.transformers_ = [
        (name, part.estimator if isinstance(part, FrozenEstimator) else part, names)
        for name, part, names in prepare.transformers_
    ]
    return int(width)


def prepared_matrix(
    prepare: ColumnTransformer,
    features: pd.DataFrame,
    target: np.ndarray[Any, Any] | None = None,
    *,
    in_floats: bool,
) -> Matrix:
    """Return the prepared features of all rows, of shape (n_rows, n_features).

    Args:
        prepare: Fitted by `fit_preparation`.
        features: Training rows.
        target: Of shape (n_rows,). A row is not encoded by its own target, but by that of rows of
            other folds.
        in_floats: Whether the estimator rounds features to single precision by itself.
    """
    first: Matrix = prepare.transform(features.head(1))
    dtype = np.float32 if in_floats else first.dtype
    matrix = np.empty((len(features), first.shape[1]), dtype=dtype)
    for start in range(0, len(features), CHUNK_ROWS):
        chunk = features.iloc[start : start + CHUNK_ROWS]
        matrix[start : start + len(chunk)] = prepare.transform(chunk)
    for name, part, names in prepare.transformers_:
        if isinstance(part, TargetEncoder) and len(names):
            cross_fitted = clone(part).fit_transform(features[names], target)
            matrix[:, prepare.output_indices_[name]] = cross_fitted
    return matrix


def _shared(values: pd.Series[Any]) -> pd.Series[Any]:
    if values.dtype != object:
        return values
    codes, texts = pd.factorize(values)
    every = np.append(np.asarray(texts, dtype=object), np.nan)
    return pd.Series(every[codes], index=values.index, dtype=object)
