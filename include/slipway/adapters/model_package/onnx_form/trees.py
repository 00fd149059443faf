"""Ensembles of decision trees as one ONNX node each, exact to the last bit of their sums.

The operator adds the leaves of one row in the order of the trees, as XGBoost and scikit-learn do.
The value that those begin with is added to the first tree's leaves, so that even rounding agrees.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import AttributeProto, numpy_helper

from slipway.adapters.model_package.onnx_form.graph import Array, Graph, Kind, NoOnnxForm

LESS_OR_EQUAL, LESS = 0, 1
MAX_NODES = 10_000_000
"""Beyond it a server would take many seconds to load them: 3.6 million, in 64 MB, took four."""


@dataclass(frozen=True)
class Tree:
    """One tree, by node; node 0 is its root.

    Attributes:
        leaf: Whether the node is a leaf.
        left: Where a row goes whose feature is below the threshold.
        right: Where any other row goes.
        feature: Which feature is compared.
        threshold: What it is compared with.
        missing_left: Whether a row whose feature is NaN goes left.
        value: What a leaf adds.
    """

    leaf: Array
    left: Array
    right: Array
    feature: Array
    threshold: Array
    missing_left: Array
    value: Array


@dataclass(frozen=True)
class Forest:
    """Trees whose leaves are added up.

    Attributes:
        trees: In the order of their sum.
        start: What the sum begins with.
        kind: In which type features are compared and leaves are added.
        inclusive: Whether a feature that equals the threshold goes left.
        features: In which type the estimator itself rounds its features first.
    """

    trees: Sequence[Tree]
    start: float
    kind: Kind
    inclusive: bool
    features: Kind

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """NumPy's name for `kind`."""
        return np.float32 if self.kind == "float" else np.float64

    def thresholds(self) -> list[tuple[int, float]]:
        """Feature and threshold of every split, each pair once."""
        features = np.concatenate([tree.feature[~tree.leaf] for tree in self.trees])
        thresholds = np.concatenate([tree.threshold[~tree.leaf] for tree in self.trees])
        # Feature by feature: sorting pairs takes NumPy ten times as long.
        return [
            (int(feature), float(threshold))
            for feature in np.unique(features)
            for threshold in np.unique(thresholds[features == feature])
        ]


def write(graph: Graph, forest: Forest, name: str) -> str:
    """Name of the sums, of shape (n_rows, 1) and of the forest's type.

    Args:
        graph: Where the node goes.
        forest: What is written.
        name: The features, of the forest's type.

    Raises:
        NoOnnxForm: It is too large.
    """
    size = sum(len(tree.leaf) for tree in forest.trees)
    if size > MAX_NODES:
        raise NoOnnxForm(f"the trees have {size:,} nodes, more than {MAX_NODES:,}")
    columns = _columns(forest)
    output = graph.add("TreeEnsemble", [name], n_targets=1, aggregate_function=1, post_transform=0)
    node = graph.nodes[-1]
    for key, values in columns.items():
        node.attribute.append(_attribute(key, values))
    return output


def _columns(forest: Forest) -> dict[str, Array]:
    """The operator's attributes: splits and leaves are numbered apart, each through all trees."""
    parts: dict[str, list[Array]] = {}
    roots, splits, leaves = [], 0, 0
    for number, whole in enumerate(forest.trees):
        tree = _with_a_split(whole)
        start = forest.start if number == 0 else 0.0
        place = np.where(
            tree.leaf, leaves + np.cumsum(tree.leaf) - 1, splits + np.cumsum(~tree.leaf) - 1
        )
        inner = ~tree.leaf
        left, right = tree.left[inner], tree.right[inner]
        weights = (tree.value[tree.leaf].astype(forest.dtype) + forest.dtype(start)).astype(
            forest.dtype
        )
        one = {
            "nodes_featureids": tree.feature[inner],
            "nodes_splits": tree.threshold[inner].astype(forest.dtype),
            "nodes_modes": np.full(
                inner.sum(), LESS_OR_EQUAL if forest.inclusive else LESS, np.uint8
            ),
            "nodes_truenodeids": place[left],
            "nodes_trueleafs": tree.leaf[left],
            "nodes_falsenodeids": place[right],
            "nodes_falseleafs": tree.leaf[right],
            "nodes_missing_value_tracks_true": tree.missing_left[inner],
            "leaf_targetids": np.zeros(tree.leaf.sum(), np.int64),
            "leaf_weights": weights,
        }
        for key, values in one.items():
            parts.setdefault(key, []).append(values)
        roots.append(splits)
        splits += int(inner.sum())
        leaves += int(tree.leaf.sum())
    joined = {key: np.concatenate(values) for key, values in parts.items()}
    return joined | {"tree_roots": np.array(roots)}


def _with_a_split(tree: Tree) -> Tree:
    """The same tree; one that is a single leaf gets a split whose ways are alike."""
    if len(tree.leaf) > 1:
        return tree
    return Tree(
        leaf=np.array([False, True, True]),
        left=np.array([1, 0, 0]),
        right=np.array([2, 0, 0]),
        feature=np.zeros(3, np.int64),
        threshold=np.zeros(3),
        missing_left=np.zeros(3, bool),
        value=np.repeat(tree.value, 3),
    )


def _attribute(key: str, values: Array) -> AttributeProto:
    """One attribute, filled at once: the library's own way looks at every number in Python."""
    attribute = AttributeProto(name=key)
    if key in {"nodes_splits", "nodes_modes", "leaf_weights"}:
        attribute.type = AttributeProto.TENSOR
        attribute.t.CopyFrom(numpy_helper.from_array(values))
    else:
        attribute.type = AttributeProto.INTS
        attribute.ints.extend(values.astype(np.int64).tolist())
    return attribute
