"""Write estimators as ONNX: from features to a score in doubles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from onnx import TensorProto
from sklearn.calibration import CalibratedClassifierCV
from sklearn.pipeline import Pipeline

from slipway.adapters.model_package.onnx_form.calibration import write_calibration
from slipway.adapters.model_package.onnx_form.fitted_trees import (
    histogram_tree,
    sklearn_tree,
    xgboost_tree,
)
from slipway.adapters.model_package.onnx_form.graph import Block, Graph, Matrix, NoOnnxForm
from slipway.adapters.model_package.onnx_form.transformers import write_transformer
from slipway.adapters.model_package.onnx_form.trees import Forest, write_forest
from slipway.spec.estimators import ESTIMATORS

# XGBoost's link from the sum of the trees to a prediction, by objective.
IDENTITY = frozenset(
    {
        "reg:squarederror",
        "reg:squaredlogerror",
        "reg:absoluteerror",
        "reg:pseudohubererror",
        "reg:quantileerror",
    }
)
SOFTMAX = "multi:softprob"
SIGMOID = frozenset({"binary:logistic", "reg:logistic"})
EXPONENTIAL = frozenset({"count:poisson", "reg:gamma", "reg:tweedie"})


INT64 = TensorProto.INT64


@dataclass(frozen=True)
class WrittenEstimator:
    """An estimator in the graph.

    Attributes:
        score: Name of its scores, doubles of shape (n_rows, 1), or (n_rows, n_classes) of an
            estimator that knows more than two.
        features: Its input.
        forest: Its trees; None for a linear estimator.
        margin: Name of its decision function, of two classes; empty where it has none.
    """

    score: str
    features: Matrix
    forest: Forest | None = None
    margin: str = ""


def write_estimator(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    """Add a fitted estimator to the graph.

    Raises:
        NoOnnxForm: Its class, or the way it is set, is not supported.
    """
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            features = write_transformer(graph, step, features)
        return write_estimator(graph, estimator.steps[-1][1], features)
    if isinstance(estimator, CalibratedClassifierCV):
        written = write_estimator(graph, estimator.estimator.estimator, features)
        score = write_calibration(graph, estimator, written.margin or written.score)
        return replace(written, score=score, margin="")
    row = next((row for row in ESTIMATORS.values() if row.builds(estimator)), None)
    if row is None or row.onnx is None:
        raise NoOnnxForm(f"estimator {type(estimator).__name__} has no ONNX form")
    return WRITERS[row.onnx](graph, estimator, features)


def _knows_several(estimator: Any) -> bool:
    """Return whether an estimator knows more than two classes."""
    return len(getattr(estimator, "classes_", ())) > 2  # noqa: PLR2004


def _softmax(graph: Graph, margins: str) -> str:
    return graph.add("Softmax", [margins], axis=1)


def _sum_of_trees(graph: Graph, forest: Forest, features: Matrix) -> str:
    """Add the trees, and return the name of their sums: doubles of shape (n_rows, n_sums)."""
    joined = graph.cast(graph.join(features, forest.features), forest.kind)
    sums = write_forest(graph, forest, joined.name)
    return graph.cast(Block(sums, forest.kind, (None,)), "double").name


def _xgboost(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]
    if booster["name"] != "gbtree" or not np.isnan(estimator.missing):
        raise NoOnnxForm("XGBoost has an ONNX form only for `gbtree` and NaN as missing")
    if getattr(estimator, "early_stopping_rounds", None):
        raise NoOnnxForm("XGBoost has no ONNX form when it stopped early")
    base = json.loads(learner["learner_model_param"]["base_score"])
    trees = [xgboost_tree(tree) for tree in booster["model"]["trees"]]
    if objective == SOFTMAX:
        starts = tuple(np.resize(np.array(base, dtype=np.float64), len(estimator.classes_)))
        targets = tuple(booster["model"]["tree_info"])
        forest = Forest(trees, starts, "float", inclusive=False, features="float", targets=targets)
        margins = _sum_of_trees(graph, forest, features)
        return WrittenEstimator(_softmax(graph, margins), features, forest)
    start = (_base_margin(objective, base),)
    forest = Forest(trees, start, kind="float", inclusive=False, features="float")
    margin = _sum_of_trees(graph, forest, features)
    if objective in SIGMOID:
        return WrittenEstimator(graph.add("Sigmoid", [margin]), features, forest)
    if objective in EXPONENTIAL:
        return WrittenEstimator(graph.add("Exp", [margin]), features, forest)
    return WrittenEstimator(margin, features, forest)


def _base_margin(objective: str, base: list[float]) -> float:
    """Return the start of the trees' sum: the base score before the objective's link."""
    if len(base) != 1:
        raise NoOnnxForm("XGBoost has an ONNX form only for one target")
    score = np.float32(base[0])
    if objective in SIGMOID:
        return float(-np.log(np.float32(1) / score - np.float32(1)))
    if objective in EXPONENTIAL:
        return float(np.log(score))
    if objective in IDENTITY:
        return float(score)
    raise NoOnnxForm(f"XGBoost's objective {objective} has no ONNX form")


def _random_forest(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    # scikit-learn rounds features to floats, but its thresholds and leaves are doubles.
    trees = [sklearn_tree(tree.tree_) for tree in estimator.estimators_]
    if _knows_several(estimator):
        return _forest_of_classes(graph, estimator, features)
    forest = Forest(trees, (0.0,), kind="double", inclusive=True, features="float")
    count = graph.constant(np.array([[len(trees)]], dtype=np.float64))
    return WrittenEstimator(
        graph.add("Div", [_sum_of_trees(graph, forest, features), count]), features, forest
    )


def _forest_of_classes(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    """Add a forest whose leaves hold the probability of each class, which the operator cannot sum.

    It finds each tree's leaf, of which the probabilities are looked up.
    """
    trees, shares, leaves = [], [], 0
    for one in estimator.estimators_:
        tree = sklearn_tree(one.tree_)
        numbers = leaves + np.cumsum(tree.leaf) - 1
        trees.append(replace(tree, value=numbers.astype(np.float64)))
        shares.append(one.tree_.value[tree.leaf, 0, :])
        leaves += int(tree.leaf.sum())
    count = len(trees)
    forest = Forest(
        trees,
        (0.0,) * count,
        kind="double",
        inclusive=True,
        features="float",
        targets=tuple(range(count)),
    )
    found = graph.add("Cast", [_sum_of_trees(graph, forest, features)], to=INT64)
    by_tree = graph.add("Gather", [graph.constant(np.concatenate(shares)), found], axis=0)
    every_tree = graph.constant(np.array([1], dtype=np.int64))
    sums = graph.add("ReduceSum", [by_tree, every_tree], keepdims=0)
    divisor = graph.constant(np.array([[count]], dtype=np.float64))
    return WrittenEstimator(graph.add("Div", [sums, divisor]), features, forest)


def _hist_gradient_boosting(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    if estimator._preprocessor is not None:  # noqa: SLF001 - it has no public name
        raise NoOnnxForm("histogram gradient boosting has no ONNX form for categorical_features")
    trees = [histogram_tree(one.nodes) for some in estimator._predictors for one in some]  # noqa: SLF001
    start = tuple(map(float, np.ravel(estimator._baseline_prediction)))  # noqa: SLF001
    targets = tuple(range(len(start))) * (len(trees) // len(start))
    forest = Forest(trees, start, kind="double", inclusive=True, features="double", targets=targets)
    raw = _sum_of_trees(graph, forest, features)
    link = type(estimator._loss.link).__name__  # noqa: SLF001
    if link not in LINKS:
        raise NoOnnxForm(f"histogram gradient boosting has no ONNX form for {link}")
    operator = LINKS[link]
    if operator == "Softmax":
        return WrittenEstimator(_softmax(graph, raw), features, forest)
    score = raw if operator is None else graph.add(operator, [raw])
    return WrittenEstimator(score, features, forest, raw if operator == "Sigmoid" else "")


def _linear(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    weights = np.asarray(estimator.coef_, dtype=np.float64).reshape(1, -1)
    intercept = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1, -1)
    joined = graph.join(features, "double")
    if weights.shape[1] != joined.width or intercept.shape != (1, 1):
        raise NoOnnxForm(f"{type(estimator).__name__} has an ONNX form only for one target")
    product = graph.add("MatMul", [joined.name, graph.constant(weights.T)])
    return WrittenEstimator(graph.add("Add", [product, graph.constant(intercept)]), features)


def _logistic(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    if not _knows_several(estimator):
        margin = _linear(graph, estimator, features).score
        return WrittenEstimator(graph.add("Sigmoid", [margin]), features, margin=margin)
    if estimator.solver == "liblinear":
        raise NoOnnxForm("LogisticRegression has no ONNX form of one class against the others")
    joined = graph.join(features, "double")
    weights = np.asarray(estimator.coef_, dtype=np.float64)
    intercept = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1, -1)
    product = graph.add("MatMul", [joined.name, graph.constant(weights.T)])
    margins = graph.add("Add", [product, graph.constant(intercept)])
    return WrittenEstimator(_softmax(graph, margins), features)


LINKS: Mapping[str, str | None] = {
    "IdentityLink": None,
    "LogitLink": "Sigmoid",
    "LogLink": "Exp",
    "MultinomialLogit": "Softmax",
}

WRITERS: Mapping[str, Callable[[Graph, Any, Matrix], WrittenEstimator]] = {
    "xgboost": _xgboost,
    "logistic": _logistic,
    "linear": _linear,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "random_forest": _random_forest,
}
"""Writers by the name that a row of `spec/estimators.py` has for them."""
