"""The parameters that a search can try, with the values that each estimator takes.

Imports no scikit-learn; a test compares the rows with the installed classes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Bounds:
    """Interval of numbers.

    Attributes:
        low: Its lower end.
        high: Its upper end.
        open_low: Whether the lower end is no part of it.
        open_high: Whether the upper end is no part of it.
    """

    low: float
    high: float = math.inf
    open_low: bool = False
    open_high: bool = False

    def holds(self, value: float) -> bool:
        """Return whether a number lies in it."""
        above = value > self.low if self.open_low else value >= self.low
        return above and (value < self.high if self.open_high else value <= self.high)

    def __str__(self) -> str:
        low = f"{'above' if self.open_low else 'from'} {self.low:g}"
        if self.high == math.inf:
            return low
        return f"{low} {'and below' if self.open_high else 'to'} {self.high:g}"


@dataclass(frozen=True)
class Searchable:
    """Values that a parameter takes.

    Attributes:
        whole: Whole numbers; None: none.
        real: Other numbers; None: none.
        words: Texts.
        truth: Whether true and false.
        none: Whether null.
    """

    whole: Bounds | None = None
    real: Bounds | None = None
    words: frozenset[str] = frozenset()
    truth: bool = False
    none: bool = False

    def takes(self, value: Any) -> bool:
        """Return whether it takes a value."""
        if value is None:
            return self.none
        if isinstance(value, bool):
            return self.truth
        if isinstance(value, str):
            return value in self.words
        if isinstance(value, int) and self.whole is not None and self.whole.holds(value):
            return True
        is_real = isinstance(value, float) or (isinstance(value, int) and self.whole is None)
        return is_real and self.real is not None and self.real.holds(float(value))

    def __str__(self) -> str:
        parts = []
        if self.whole is not None:
            parts.append(f"whole numbers {self.whole}")
        if self.real is not None:
            parts.append(f"{'other ' if self.whole else ''}numbers {self.real}")
        parts += sorted(self.words)
        if self.truth:
            parts.append("true or false")
        if self.none:
            parts.append("null")
        return ", ".join(parts)

    def has_whole_range(self, *ends: float) -> bool:
        """Return whether a range with these ends has whole numbers only."""
        return self.whole is not None and all(isinstance(end, int) for end in ends)


def _words(*words: str) -> frozenset[str]:
    return frozenset(words)


_COUNT, _NOT_NEGATIVE = Bounds(1), Bounds(0.0)
_POSITIVE = Bounds(0.0, open_low=True)
_SHARE = Bounds(0.0, 1.0, open_low=True)
_TRUTH = Searchable(truth=True)
_COUNT_OR_NONE = Searchable(whole=_COUNT, none=True)
_LEAVES = Searchable(whole=Bounds(2), none=True)

_LOGISTIC: Mapping[str, Searchable] = {
    "C": Searchable(real=_POSITIVE),
    "l1_ratio": Searchable(real=Bounds(0.0, 1.0), none=True),
    "tol": Searchable(real=_NOT_NEGATIVE),
    "fit_intercept": _TRUTH,
    "class_weight": Searchable(words=_words("balanced"), none=True),
    "solver": Searchable(
        words=_words("lbfgs", "liblinear", "newton-cg", "newton-cholesky", "sag", "saga")
    ),
    "max_iter": Searchable(whole=Bounds(0)),
}
_RIDGE: Mapping[str, Searchable] = {
    "alpha": Searchable(real=_NOT_NEGATIVE),
    "fit_intercept": _TRUTH,
    "positive": _TRUTH,
    "tol": Searchable(real=_NOT_NEGATIVE),
    "max_iter": _COUNT_OR_NONE,
}
_HISTOGRAM: Mapping[str, Searchable] = {
    "learning_rate": Searchable(real=_POSITIVE),
    "max_iter": Searchable(whole=_COUNT),
    "max_leaf_nodes": _LEAVES,
    "max_depth": _COUNT_OR_NONE,
    "min_samples_leaf": Searchable(whole=_COUNT),
    "l2_regularization": Searchable(real=_NOT_NEGATIVE),
    "max_features": Searchable(real=_SHARE),
    "max_bins": Searchable(whole=Bounds(2, 255)),
    "early_stopping": Searchable(words=_words("auto"), truth=True),
    "n_iter_no_change": Searchable(whole=_COUNT),
    "validation_fraction": Searchable(
        whole=_COUNT, real=replace(_SHARE, open_high=True), none=True
    ),
    "tol": Searchable(real=_NOT_NEGATIVE),
}
_FOREST: Mapping[str, Searchable] = {
    "n_estimators": Searchable(whole=_COUNT),
    "max_depth": _COUNT_OR_NONE,
    "min_samples_split": Searchable(whole=Bounds(2), real=_SHARE),
    "min_samples_leaf": Searchable(whole=_COUNT, real=replace(_SHARE, open_high=True)),
    "min_weight_fraction_leaf": Searchable(real=Bounds(0.0, 0.5)),
    "max_features": Searchable(whole=_COUNT, real=_SHARE, words=_words("log2", "sqrt"), none=True),
    "max_leaf_nodes": _LEAVES,
    "max_samples": Searchable(whole=_COUNT, real=_POSITIVE, none=True),
    "min_impurity_decrease": Searchable(real=_NOT_NEGATIVE),
    "ccp_alpha": Searchable(real=_NOT_NEGATIVE),
    "bootstrap": _TRUTH,
}
_XGBOOST: Mapping[str, Searchable] = {
    "n_estimators": Searchable(whole=_COUNT),
    "max_depth": Searchable(whole=Bounds(0)),
    "max_leaves": Searchable(whole=Bounds(0)),
    "max_bin": Searchable(whole=Bounds(2)),
    "grow_policy": Searchable(words=_words("depthwise", "lossguide")),
    "tree_method": Searchable(words=_words("approx", "auto", "exact", "hist")),
    "booster": Searchable(words=_words("dart", "gblinear", "gbtree")),
    "num_parallel_tree": Searchable(whole=_COUNT),
    **dict.fromkeys(("learning_rate", "eta"), Searchable(real=_NOT_NEGATIVE)),
    **dict.fromkeys(("gamma", "min_split_loss"), Searchable(real=_NOT_NEGATIVE)),
    "min_child_weight": Searchable(real=_NOT_NEGATIVE),
    "max_delta_step": Searchable(real=_NOT_NEGATIVE),
    **dict.fromkeys(
        ("subsample", "colsample_bytree", "colsample_bylevel", "colsample_bynode"),
        Searchable(real=_SHARE),
    ),
    **dict.fromkeys(("reg_alpha", "alpha", "reg_lambda", "lambda"), Searchable(real=_NOT_NEGATIVE)),
    "scale_pos_weight": Searchable(real=_POSITIVE),
}

SEARCHABLE: Mapping[str, Mapping[str, Searchable]] = {
    "sklearn.linear_model.LogisticRegression": _LOGISTIC,
    "sklearn.linear_model.Ridge": _RIDGE,
    "sklearn.ensemble.HistGradientBoostingClassifier": _HISTOGRAM,
    "sklearn.ensemble.HistGradientBoostingRegressor": _HISTOGRAM,
    "sklearn.ensemble.RandomForestClassifier": {
        **_FOREST,
        "criterion": Searchable(words=_words("entropy", "gini", "log_loss")),
        "class_weight": Searchable(words=_words("balanced", "balanced_subsample"), none=True),
    },
    "sklearn.ensemble.RandomForestRegressor": _FOREST,
    "xgboost.XGBClassifier": _XGBOOST,
    "xgboost.XGBRegressor": _XGBOOST,
}
"""Values by parameter, by estimator; one that is not here is searched unchecked."""


def has_whole_range(estimator: str, name: str, *ends: float) -> bool:
    """Return whether a range of a parameter has whole numbers only.

    Of a parameter that is not listed it has, where its ends are whole.

    Args:
        estimator: Import path.
        name: Parameter.
        *ends: Both ends of the range, and its step where it has one.
    """
    row = SEARCHABLE.get(estimator, {}).get(name, Searchable(whole=Bounds(-math.inf)))
    return row.has_whole_range(*ends)
