"""Transformers that encode categories, by the rows of `spec/encodings.py`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pkgutil import resolve_name
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import ColumnTransformer
from sklearn.model_selection import KFold
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

from slipway.spec import ModelSpec
from slipway.spec.encodings import ENCODINGS, Encoding
from slipway.spec.metrics import Task
from slipway.spec.wide_columns import wide_of

_TARGET_TYPES: Mapping[Task, str] = {
    "classification": "binary",
    "multiclass": "multiclass",
    "regression": "continuous",
}


def one_hot(encoding: Encoding, task: Task, seed: int) -> OneHotEncoder:
    """Return an encoder with a feature for each category, or each frequent one and all others."""
    del task, seed
    rare = encoding.rare_below
    return OneHotEncoder(
        handle_unknown="ignore" if rare is None else "infrequent_if_exist",
        min_frequency=rare,
        sparse_output=False,
        dtype=np.float32,
    )


def by_target(encoding: Encoding, task: Task, seed: int) -> TargetEncoder:
    """Return an encoder by the target's mean, which `fit_transform` cross-fits."""
    del encoding
    folds = KFold(n_splits=5, shuffle=True, random_state=seed)
    return TargetEncoder(target_type=_TARGET_TYPES[task], cv=folds)


def native(encoding: Encoding, task: Task, seed: int) -> OrdinalEncoder:
    """Return an encoder by codes; missing and unseen categories are missing to the estimator."""
    del encoding, task, seed
    return OrdinalEncoder(
        handle_unknown="use_encoded_value",
        unknown_value=np.nan,
        encoded_missing_value=np.nan,
        dtype=np.float32,
    )


def name_categories(estimator: BaseEstimator, prepare: ColumnTransformer) -> None:
    """Tell an estimator of XGBoost which of its features are codes of categories, if some are.

    Args:
        estimator: Not yet fitted.
        prepare: Fitted.
    """
    coded = [
        prepare.output_indices_[name]
        for name, part, names in prepare.transformers_
        if isinstance(part, OrdinalEncoder) and len(names)
    ]
    if coded:
        types = ["q"] * max(part.stop for part in prepare.output_indices_.values())
        for part in coded:
            types[part] = ["c"] * (part.stop - part.start)
        estimator.set_params(feature_types=types, enable_categorical=True)


def category_parts(spec: ModelSpec, categorical: Sequence[str]) -> list[tuple[str, Any, list[str]]]:
    """Return the parts of a column transformer that encode a model's categories.

    Args:
        spec: Model.
        categorical: Columns to encode; those of a `pipeline.py` are encoded as the model's.
    """
    default, own = spec.features.encoding, spec.features.encodings
    encodings = {name: own.get(name, default) for name in categorical}
    return encoder_parts(encodings, default=default, task=spec.task, seed=spec.training.seed)


def encoder_parts(
    encodings: Mapping[str, Encoding], *, default: Encoding, task: Task, seed: int
) -> list[tuple[str, Any, list[str]]]:
    """Return the parts of a column transformer that encode categories, one for each encoding.

    Args:
        encodings: Encoding by column.
        default: Encoding of the first part, which may have no column.
        task: Kind of prediction.
        seed: Of the folds.
    """
    parts: list[tuple[str, Any, list[str]]] = []
    by_encoding: dict[Encoding, list[str]] = {default: []}
    for name, encoding in encodings.items():
        by_encoding.setdefault(encoding, []).append(name)
    for encoding, names in by_encoding.items():
        build = resolve_name(ENCODINGS[encoding.method].encoder)
        title = f"categorical_{len(parts)}" if parts else "categorical"
        parts.append((title, build(encoding, task, seed), names))
    return parts


def wide_columns(prepare: ColumnTransformer) -> dict[str, int]:
    """Return one-hot encoded columns with many features, alone or together, and how many."""
    found: dict[str, int] = {}
    for _, part, names in prepare.transformers_:
        if isinstance(part, OneHotEncoder) and part.min_frequency is None and len(names):
            sizes = zip(names, map(len, part.categories_), strict=True)
            found |= {str(name): size for name, size in sizes}
    return wide_of(found)
