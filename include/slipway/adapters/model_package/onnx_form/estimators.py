"""Write estimators as ONNX: from features to a score in doubles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from slipway.adapters.model_package.onnx_form.graph import Array, Block, Graph, Matrix, NoOnnxForm
from slipway.adapters.model_package.onnx_form.transformers import write_transformer
from slipway.adapters.model_package.onnx_form.trees import Forest, Tree, write_forest
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
SIGMOID = frozenset({"binary:logistic", "reg:logistic"})
EXPONENTIAL = frozenset({"count:poisson", "reg:gamma", "reg:tweedie"})


@dataclass(frozen=True)
class WrittenEstimator:
    """An estimator in the graph.

    Attributes:
        score: Name of its scores, doubles of shape (n_rows, 1).
        features: Its input.
        forest: Its trees; None for a linear estimator.
    """

    score: str
    features: Matrix
    forest: Forest | None = None


def write_estimator(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    """Add a fitted estimator to the graph.

    Raises:
        NoOnnxForm: Its class, or the way it is set, is not supported.
    """
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            features = write_transformer(graph, step, features)
        return write_estimator(graph, estimator.steps[-1][1], features)
    row = next((row for row in ESTIMATORS.values() if row.builds(estimator)), None)
    if row is None or row.onnx is None:
        raise NoOnnxForm(f"estimator {type(estimator).__name__} has no ONNX form")
    if len(getattr(estimator, "classes_", (0, 1))) != 2:  # noqa: PLR2004 - two classes are 0 and 1
        raise NoOnnxForm(
            f"estimator {type(estimator).__name__} has an ONNX form only for two classes"
        )
    return WRITERS[row.onnx](graph, estimator, features)


def _sum_of_trees(graph: Graph, forest: Forest, features: Matrix) -> str:
    """Add the trees, and return the name of their sums: doubles of shape (n_rows, 1)."""
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
    start = _base_margin(objective, json.loads(learner["learner_model_param"]["base_score"]))
    trees = [_xgboost_tree(tree) for tree in booster["model"]["trees"]]
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


def _xgboost_tree(tree: Mapping[str, Any]) -> Tree:
    if any(tree["split_type"]) or tree["tree_param"]["size_leaf_vector"] not in {"0", "1"}:
        raise NoOnnxForm("XGBoost has an ONNX form only for splits of numbers and one target")
    left = np.array(tree["left_children"])
    # XGBoost stores a leaf's value and a split's threshold in one array.
    numbers = np.array(tree["split_conditions"], dtype=np.float32)
    return Tree(
        leaf=left < 0,
        left=left,
        right=np.array(tree["right_children"]),
        feature=np.array(tree["split_indices"]),
        threshold=numbers,
        missing_left=np.array(tree["default_left"], dtype=bool),
        value=numbers,
    )


def _random_forest(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    # scikit-learn rounds features to floats, but its thresholds and leaves are doubles.
    trees = [_sklearn_tree(tree.tree_) for tree in estimator.estimators_]
    forest = Forest(trees, 0.0, kind="double", inclusive=True, features="float")
    count = graph.constant(np.array([[len(trees)]], dtype=np.float64))
    return WrittenEstimator(
        graph.add("Div", [_sum_of_trees(graph, forest, features), count]), features, forest
    )


def _sklearn_tree(tree: Any) -> Tree:
    if tree.n_outputs != 1:
        raise NoOnnxForm("a forest has an ONNX form only for one target")
    return Tree(
        leaf=tree.children_left < 0,
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left.astype(bool),
        # The probability of class 1, or the only value.
        value=tree.value[:, 0, -1],
    )


def _hist_gradient_boosting(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    if estimator._preprocessor is not None:  # noqa: SLF001 - it has no public name
        raise NoOnnxForm("histogram gradient boosting has no ONNX form for categorical_features")
    trees = [_hist_tree(one.nodes) for (one,) in estimator._predictors]  # noqa: SLF001
    start = float(np.ravel(estimator._baseline_prediction)[0])  # noqa: SLF001
    forest = Forest(trees, start, kind="double", inclusive=True, features="double")
    raw = _sum_of_trees(graph, forest, features)
    link = type(estimator._loss.link).__name__  # noqa: SLF001
    if link not in LINKS:
        raise NoOnnxForm(f"histogram gradient boosting has no ONNX form for {link}")
    operator = LINKS[link]
    return WrittenEstimator(
        raw if operator is None else graph.add(operator, [raw]), features, forest
    )


def _hist_tree(nodes: Array) -> Tree:
    if nodes["is_categorical"].any():
        raise NoOnnxForm("histogram gradient boosting has no ONNX form for categorical_features")
    return Tree(
        leaf=nodes["is_leaf"].astype(bool),
        left=nodes["left"].astype(np.int64),
        right=nodes["right"].astype(np.int64),
        feature=nodes["feature_idx"],
        threshold=nodes["num_threshold"],
        missing_left=nodes["missing_go_to_left"].astype(bool),
        value=nodes["value"],
    )


def _linear(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    weights = np.asarray(estimator.coef_, dtype=np.float64).reshape(1, -1)
    intercept = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1, -1)
    joined = graph.join(features, "double")
    if weights.shape[1] != joined.width or intercept.shape != (1, 1):
        raise NoOnnxForm(f"{type(estimator).__name__} has an ONNX form only for one target")
    product = graph.add("MatMul", [joined.name, graph.constant(weights.T)])
    return WrittenEstimator(graph.add("Add", [product, graph.constant(intercept)]), features)


def _logistic(graph: Graph, estimator: Any, features: Matrix) -> WrittenEstimator:
    return WrittenEstimator(
        graph.add("Sigmoid", [_linear(graph, estimator, features).score]), features
    )


LINKS: Mapping[str, str | None] = {"IdentityLink": None, "LogitLink": "Sigmoid", "LogLink": "Exp"}

WRITERS: Mapping[str, Callable[[Graph, Any, Matrix], WrittenEstimator]] = {
    "xgboost": _xgboost,
    "logistic": _logistic,
    "linear": _linear,
    "hist_gradient_boosting": _hist_gradient_boosting,
    "random_forest": _random_forest,
}
"""Writers by the name that a row of `spec/estimators.py` has for them."""
