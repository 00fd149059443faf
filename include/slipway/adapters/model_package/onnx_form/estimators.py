"""Each estimator that has an ONNX form: from features to a score in doubles."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.pipeline import Pipeline

from slipway.adapters.model_package.onnx_form.graph import Array, Block, Graph, Matrix, NoOnnxForm
from slipway.adapters.model_package.onnx_form.steps import transform
from slipway.adapters.model_package.onnx_form.trees import Forest, Tree, write

# How XGBoost makes a prediction of the trees' sum, by objective.
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
class Written:
    """An estimator in the graph.

    Attributes:
        score: Name of its scores, doubles of shape (n_rows, 1).
        features: What it was given.
        forest: The trees that it is made of, if it is.
    """

    score: str
    features: Matrix
    forest: Forest | None = None


def predict(graph: Graph, estimator: Any, given: Matrix) -> Written:
    """The score that a fitted estimator gives some features.

    Raises:
        NoOnnxForm: It is of another class, or set in a way that has no form.
    """
    if isinstance(estimator, Pipeline):
        for _, step in estimator.steps[:-1]:
            given = transform(graph, step, given)
        return predict(graph, estimator.steps[-1][1], given)
    kind = f"{type(estimator).__module__.partition('.')[0]}.{type(estimator).__name__}"
    writer = WRITERS.get(kind)
    if writer is None:
        raise NoOnnxForm(f"estimator {type(estimator).__name__} has no ONNX form")
    if len(getattr(estimator, "classes_", (0, 1))) != 2:  # noqa: PLR2004 - two classes are 0 and 1
        raise NoOnnxForm(f"estimator {type(estimator).__name__} has one ONNX form: two classes")
    return writer(graph, estimator, given)


def _sums(graph: Graph, forest: Forest, given: Matrix) -> str:
    """Name of the trees' sums, as doubles of shape (n_rows, 1)."""
    features = graph.cast(graph.join(given, forest.features), forest.kind)
    sums = write(graph, forest, features.name)
    return graph.cast(Block(sums, forest.kind, (None,)), "double").name


def _xgboost(graph: Graph, estimator: Any, given: Matrix) -> Written:
    learner = json.loads(bytes(estimator.get_booster().save_raw("json")))["learner"]
    objective, booster = learner["objective"]["name"], learner["gradient_booster"]
    if booster["name"] != "gbtree" or not np.isnan(estimator.missing):
        raise NoOnnxForm("XGBoost has an ONNX form only for `gbtree` and NaN as missing")
    if getattr(estimator, "early_stopping_rounds", None):
        raise NoOnnxForm("XGBoost has no ONNX form when it stopped early")
    start = _margin(objective, json.loads(learner["learner_model_param"]["base_score"]))
    trees = [_xgboost_tree(tree) for tree in booster["model"]["trees"]]
    forest = Forest(trees, start, kind="float", inclusive=False, features="float")
    margin = _sums(graph, forest, given)
    if objective in SIGMOID:
        return Written(graph.add("Sigmoid", [margin]), given, forest)
    if objective in EXPONENTIAL:
        return Written(graph.add("Exp", [margin]), given, forest)
    return Written(margin, given, forest)


def _margin(objective: str, base: list[float]) -> float:
    """What the sum of the trees begins with, before the objective's link is undone."""
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
    # A leaf's value stands where another node's threshold does.
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


def _random_forest(graph: Graph, estimator: Any, given: Matrix) -> Written:
    # scikit-learn rounds features to floats, then compares them with, and adds, doubles.
    trees = [_sklearn_tree(tree.tree_) for tree in estimator.estimators_]
    forest = Forest(trees, 0.0, kind="double", inclusive=True, features="float")
    count = graph.constant(np.array([[len(trees)]], dtype=np.float64))
    return Written(graph.add("Div", [_sums(graph, forest, given), count]), given, forest)


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


def _hist_gradient_boosting(graph: Graph, estimator: Any, given: Matrix) -> Written:
    if estimator._preprocessor is not None:  # noqa: SLF001 - scikit-learn shows it nowhere else
        raise NoOnnxForm("histogram gradient boosting has no ONNX form for categorical_features")
    trees = [_hist_tree(one.nodes) for (one,) in estimator._predictors]  # noqa: SLF001
    start = float(np.ravel(estimator._baseline_prediction)[0])  # noqa: SLF001
    forest = Forest(trees, start, kind="double", inclusive=True, features="double")
    raw = _sums(graph, forest, given)
    link = type(estimator._loss.link).__name__  # noqa: SLF001
    if link not in LINKS:
        raise NoOnnxForm(f"histogram gradient boosting has no ONNX form for {link}")
    operator = LINKS[link]
    return Written(raw if operator is None else graph.add(operator, [raw]), given, forest)


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


def _linear(graph: Graph, estimator: Any, given: Matrix) -> Written:
    weights = np.asarray(estimator.coef_, dtype=np.float64).reshape(1, -1)
    intercept = np.asarray(estimator.intercept_, dtype=np.float64).reshape(1, -1)
    features = graph.join(given, "double")
    if weights.shape[1] != features.width or intercept.shape != (1, 1):
        raise NoOnnxForm(f"{type(estimator).__name__} has an ONNX form only for one target")
    product = graph.add("MatMul", [features.name, graph.constant(weights.T)])
    return Written(graph.add("Add", [product, graph.constant(intercept)]), given)


def _logistic(graph: Graph, estimator: Any, given: Matrix) -> Written:
    return Written(graph.add("Sigmoid", [_linear(graph, estimator, given).score]), given)


LINKS: Mapping[str, str | None] = {"IdentityLink": None, "LogitLink": "Sigmoid", "LogLink": "Exp"}

WRITERS: Mapping[str, Callable[[Graph, Any, Matrix], Written]] = {
    "xgboost.XGBClassifier": _xgboost,
    "xgboost.XGBRegressor": _xgboost,
    "sklearn.LogisticRegression": _logistic,
    "sklearn.Ridge": _linear,
    "sklearn.HistGradientBoostingClassifier": _hist_gradient_boosting,
    "sklearn.HistGradientBoostingRegressor": _hist_gradient_boosting,
    "sklearn.RandomForestClassifier": _random_forest,
    "sklearn.RandomForestRegressor": _random_forest,
}
