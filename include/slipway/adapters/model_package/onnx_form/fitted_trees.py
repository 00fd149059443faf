"""Read the trees of fitted estimators."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from slipway.adapters.model_package.onnx_form.graph import Array, NoOnnxForm
from slipway.adapters.model_package.onnx_form.trees import Tree


def xgboost_tree(tree: Mapping[str, Any]) -> Tree:
    """Return a tree of XGBoost's JSON.

    Raises:
        NoOnnxForm: It splits by categories, or its leaves have several values.
    """
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


def sklearn_tree(tree: Any) -> Tree:
    """Return a tree of a forest; its values are the probability of the last class, or the number.

    Raises:
        NoOnnxForm: It has more than one target.
    """
    if tree.n_outputs != 1:
        raise NoOnnxForm("a forest has an ONNX form only for one target")
    return Tree(
        leaf=tree.children_left < 0,
        left=tree.children_left,
        right=tree.children_right,
        feature=tree.feature,
        threshold=tree.threshold,
        missing_left=tree.missing_go_to_left.astype(bool),
        value=tree.value[:, 0, -1],
    )


def histogram_tree(nodes: Array) -> Tree:
    """Return a tree of histogram gradient boosting.

    Raises:
        NoOnnxForm: It splits by categories.
    """
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
