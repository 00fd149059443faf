"""Write an ensemble of decision trees as one ONNX node whose sums agree to the last bit.

The operator adds the leaves of a row in the order of the trees, as XGBoost and scikit-learn do.
A sum begins with a base value: it is added to the leaves of its first tree, to round alike.
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
"""More would take a server many seconds to load: 3.6 million, in 64 MB, took four."""


@dataclass(frozen=True)
class Tree:
    """One tree as arrays by node; node 0 is the root.

    Attributes:
        leaf: Whether the node is a leaf.
        left: Next node if the feature is below the threshold.
        right: Next node otherwise.
        feature: Index of the compared feature.
        threshold: The value that it is compared with.
        missing_left: Whether NaN goes left.
        value: The leaf's addend.
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
        trees: The trees, in the order of summation.
        starts: Base value of each sum.
        kind: Type in which features are compared and leaves are added.
        inclusive: Whether a feature that equals the threshold goes left.
        features: Type that the estimator rounds its features to before it compares.
        targets: The sum that each tree adds to; without them there is one.
    """

    trees: Sequence[Tree]
    starts: Sequence[float]
    kind: Kind
    inclusive: bool
    features: Kind
    targets: Sequence[int] = ()

    def target(self, number: int) -> int:
        """Return the sum that a tree adds to."""
        return self.targets[number] if self.targets else 0

    @property
    def dtype(self) -> type[np.floating[Any]]:
        """NumPy type of `kind`."""
        return np.float32 if self.kind == "float" else np.float64

    def thresholds(self) -> list[tuple[int, float]]:
        """Return each distinct pair of feature index and threshold."""
        features = np.concatenate([tree.feature[~tree.leaf] for tree in self.trees])
        thresholds = np.concatenate([tree.threshold[~tree.leaf] for tree in self.trees])
        # Feature by feature: NumPy takes ten times as long to sort pairs.
        return [
            (int(feature), float(threshold))
            for feature in np.unique(features)
            for threshold in np.unique(thresholds[features == feature])
        ]


def write_forest(graph: Graph, forest: Forest, name: str) -> str:
    """Add a forest as one node; return the name of its sums, of shape (n_rows, n_sums).

    Args:
        graph: The graph to add to.
        forest: The trees; the sums are of their type.
        name: Name of the features, of the same type.

    Raises:
        NoOnnxForm: The trees have more than `MAX_NODES` nodes.
    """
    size = sum(len(tree.leaf) for tree in forest.trees)
    if size > MAX_NODES:
        raise NoOnnxForm(f"the trees have {size:,} nodes, more than {MAX_NODES:,}")
    output = graph.add(
        "TreeEnsemble",
        [name],
        n_targets=len(forest.starts),
        aggregate_function=1,
        post_transform=0,
    )
    node = graph.nodes[-1]
    for key, values in _node_attributes(forest).items():
        node.attribute.append(_attribute(key, values))
    return output


def _node_attributes(forest: Forest) -> dict[str, Array]:
    """Return the operator's attributes; splits and leaves are numbered apart, over all trees."""
    parts: dict[str, list[Array]] = {}
    roots, splits, leaves, begun = [], 0, 0, set()
    for number, original in enumerate(forest.trees):
        tree = _with_a_split(original)
        target = forest.target(number)
        start = 0.0 if target in begun else forest.starts[target]
        begun.add(target)
        index = np.where(
            tree.leaf, leaves + np.cumsum(tree.leaf) - 1, splits + np.cumsum(~tree.leaf) - 1
        )
        inner = ~tree.leaf
        left, right = tree.left[inner], tree.right[inner]
        weights = (tree.value[tree.leaf].astype(forest.dtype) + forest.dtype(start)).astype(
            forest.dtype
        )
        attributes = {
            "nodes_featureids": tree.feature[inner],
            "nodes_splits": tree.threshold[inner].astype(forest.dtype),
            "nodes_modes": np.full(
                inner.sum(), LESS_OR_EQUAL if forest.inclusive else LESS, np.uint8
            ),
            "nodes_truenodeids": index[left],
            "nodes_trueleafs": tree.leaf[left],
            "nodes_falsenodeids": index[right],
            "nodes_falseleafs": tree.leaf[right],
            "nodes_missing_value_tracks_true": tree.missing_left[inner],
            "leaf_targetids": np.full(tree.leaf.sum(), target, np.int64),
            "leaf_weights": weights,
        }
        for key, values in attributes.items():
            parts.setdefault(key, []).append(values)
        roots.append(splits)
        splits += int(inner.sum())
        leaves += int(tree.leaf.sum())
    joined = {key: np.concatenate(values) for key, values in parts.items()}
    return joined | {"tree_roots": np.array(roots)}


def _with_a_split(tree: Tree) -> Tree:
    """Return the tree; a single leaf becomes a split with that leaf on both sides."""
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
    """Build an attribute at once: `onnx.helper` checks number by number in Python."""
    attribute = AttributeProto(name=key)
    if key in {"nodes_splits", "nodes_modes", "leaf_weights"}:
        attribute.type = AttributeProto.TENSOR
        attribute.t.CopyFrom(numpy_helper.from_array(values))
    else:
        attribute.type = AttributeProto.INTS
        attribute.ints.extend(values.astype(np.int64).tolist())
    return attribute
