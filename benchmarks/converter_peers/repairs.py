"""Repair the trees of the libraries' converters, so that their forms pass the gate.

A repair stands between a converter and the graph that it writes to, and uses internals of both.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from converter_peers.library import Converter, Library
from onnx import numpy_helper
from onnxmltools.convert.xgboost.operator_converters.XGBoost import (
    XGBRegressorConverter,
    convert_xgboost,
)
from skl2onnx.operator_converters.random_forest import (
    convert_sklearn_random_forest_classifier,
    convert_sklearn_random_forest_regressor_converter,
)
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.linear_model import Ridge
from xgboost import XGBClassifier, XGBRegressor

EXPONENTIAL = frozenset({"count:poisson", "reg:gamma", "reg:tweedie"})
MISSING = "nodes_missing_value_tracks_true"


class TreeRepairs:
    """A container that repairs the trees which a converter adds to it.

    Args:
        container: skl2onnx's own.
        dtype: Type in which the estimator compares and adds up.
        exp: Whether its score is the exponential of the sum.
    """

    def __init__(self, container: Any, dtype: type[np.floating[Any]], *, exp: bool) -> None:
        self._container, self._dtype, self._exp = container, dtype, exp

    def __getattr__(self, name: str) -> Any:
        return getattr(self._container, name)

    def add_node(self, kind: str, inputs: Any, outputs: Any, **attributes: Any) -> None:
        """Add a node; trees get corrected attributes."""
        if not kind.startswith("TreeEnsemble"):
            self._container.add_node(kind, inputs, outputs, **attributes)
            return
        attributes.pop("nodes_hitrates", None)
        # protobuf 7 takes no boolean for a number.
        attributes[MISSING] = [int(one) for one in attributes[MISSING]]
        self._start_with_base(attributes, "target" if "target_ids" in attributes else "class")
        for key in ("nodes_values", "target_weights", "class_weights"):
            if key in attributes and self._dtype is np.float64:
                # The libraries write doubles as floats.
                values = np.asarray(attributes.pop(key), np.float64)
                attributes[f"{key}_as_tensor"] = numpy_helper.from_array(values, key)
        if self._exp:
            self._container.add_node(kind, inputs, ["slipway:margin"], **attributes)
            self._container.add_node("Exp", ["slipway:margin"], outputs)
        else:
            self._container.add_node(kind, inputs, outputs, **attributes)

    def _start_with_base(self, attributes: dict[str, Any], part: str) -> None:
        """Add the base to the leaves of the first tree: estimators begin their sum with it."""
        weights = np.array(attributes[f"{part}_weights"], self._dtype)
        base = self._dtype(np.ravel(attributes.pop("base_values", [0.0]))[0])
        weights[np.array(attributes[f"{part}_treeids"]) == 0] += base
        attributes[f"{part}_weights"] = weights.tolist()


def _sklearn_trees(convert: Any) -> Converter:
    def converted(scope: Any, operator: Any, container: Any) -> None:
        loss = getattr(operator.raw_operator, "_loss", None)
        exp = type(getattr(loss, "link", None)).__name__ == "LogLink"
        convert(scope, operator, TreeRepairs(container, np.float64, exp=exp), op_version=3)

    return converted


def _xgb_classifier(scope: Any, operator: Any, container: Any) -> None:
    convert_xgboost(scope, operator, TreeRepairs(container, np.float32, exp=False))


def _xgb_regressor(scope: Any, operator: Any, container: Any) -> None:
    objective, base, trees, _ = XGBRegressorConverter.common_members(operator.raw_operator, None)
    attributes = XGBRegressorConverter._get_default_tree_attribute_pairs()  # noqa: SLF001
    XGBRegressorConverter.fill_tree_attributes(trees, attributes, [1] * len(trees), False)  # noqa: FBT003
    exp = objective in EXPONENTIAL
    TreeRepairs(container, np.float32, exp=exp).add_node(
        "TreeEnsembleRegressor",
        operator.input_full_names,
        operator.output_full_names,
        op_domain="ai.onnx.ml",
        name=scope.get_unique_operator_name("TreeEnsembleRegressor"),
        **attributes | {"base_values": _margins(base, exp=exp)},
    )


def _margins(base: Sequence[float], *, exp: bool) -> Any:
    return np.log(np.float32(base)) if exp else base


def _prepare(estimator: Any) -> None:
    if isinstance(estimator, Ridge):
        # A number where there is no intercept, which the converter cannot reshape.
        estimator.intercept_ = np.asarray(estimator.intercept_)


REPAIRED = Library(
    converters={
        XGBClassifier: _xgb_classifier,
        XGBRegressor: _xgb_regressor,
        **dict.fromkeys(
            (RandomForestClassifier, HistGradientBoostingClassifier),
            _sklearn_trees(convert_sklearn_random_forest_classifier),
        ),
        **dict.fromkeys(
            (RandomForestRegressor, HistGradientBoostingRegressor),
            _sklearn_trees(convert_sklearn_random_forest_regressor_converter),
        ),
    },
    casts={
        **dict.fromkeys((XGBClassifier, XGBRegressor), (np.float32,)),
        # Rounded as the forest rounds them, then compared with doubles.
        **dict.fromkeys((RandomForestClassifier, RandomForestRegressor), (np.float32, np.float64)),
        **dict.fromkeys(
            (HistGradientBoostingClassifier, HistGradientBoostingRegressor), (np.float64,)
        ),
    },
    prepare=_prepare,
)
