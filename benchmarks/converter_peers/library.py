"""Convert pipelines with skl2onnx and onnxmltools, with the input and output names of Slipway's.

The best that their public interface allows: double inputs, a cast to float before estimators that
round there themselves, an imputer for doubles, categories spelled as in Slipway's form.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import skl2onnx.sklapi.register  # noqa: F401 - registers CastTransformer
from onnx import TensorProto, helper
from onnxmltools.convert.xgboost.operator_converters.XGBoost import convert_xgboost
from skl2onnx import convert_sklearn, update_registered_converter
from skl2onnx.algebra.onnx_ops import OnnxIsNaN, OnnxWhere
from skl2onnx.common.data_types import DoubleTensorType, StringTensorType
from skl2onnx.common.shape_calculator import (
    calculate_linear_classifier_output_shapes,
    calculate_linear_regressor_output_shapes,
)
from skl2onnx.sklapi import CastTransformer
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder
from xgboost import XGBClassifier, XGBRegressor

from slipway.stages.model.onnx_form import NUMBERS, SCORE, TEXTS, spell_category
from slipway.stages.ports.raw_column import RawColumn

# ONNX Runtime has kernels for all that the libraries write; `TreeEnsemble` of 5 they never write.
OPSETS = {"": 21, "ai.onnx.ml": 3}
PROBABILITIES = {"nocl": [True, False], "zipmap": [True, False, "columns"]}

Converter = Callable[[Any, Any, Any], None]
Casts = Mapping[type, Sequence[type[np.floating[Any]]]]


def register() -> None:
    """Register XGBoost's converters; the registry belongs to the process."""
    for estimator, shapes, options in (
        (XGBClassifier, calculate_linear_classifier_output_shapes, PROBABILITIES),
        (XGBRegressor, calculate_linear_regressor_output_shapes, None),
    ):
        name = estimator.__name__
        update_registered_converter(estimator, name, shapes, convert_xgboost, options=options)


def _impute(scope: Any, operator: Any, container: Any) -> None:
    """Write the imputer as `Where`: ONNX Runtime's `Imputer` has no kernel for doubles."""
    given, version = operator.inputs[0], container.target_opset
    medians = operator.raw_operator.statistics_.reshape(1, -1)
    output = OnnxWhere(
        OnnxIsNaN(given, op_version=version),
        medians,
        given,
        op_version=version,
        output_names=operator.outputs[:1],
    )
    output.add_to(scope, container)


def _imputed_shape(operator: Any) -> None:
    rows, width = operator.inputs[0].type.shape[0], len(operator.raw_operator.statistics_)
    operator.outputs[0].type = DoubleTensorType([rows, width])


@dataclass(frozen=True)
class Library:
    """The libraries, with changes to them.

    Attributes:
        converters: Converters that replace the libraries', by class.
        casts: Types that the features are cast to, one after the other, by estimator.
        prepare: Changes a copy of the estimator before it is converted.
    """

    converters: Mapping[type, Converter]
    casts: Casts
    prepare: Callable[[Any], None] = lambda _: None

    def convert(self, pipeline: Pipeline, columns: Sequence[RawColumn]) -> bytes:
        """Return the ONNX form of a fitted pipeline.

        Args:
            pipeline: A column transformer and an estimator.
            columns: The raw columns, in the order of the signature.
        """
        numbers = [column.name for column in columns if column.kind == "number"]
        texts = [column.name for column in columns if column.kind == "string"]
        inputs = []
        if numbers:
            inputs.append((NUMBERS, DoubleTensorType([None, len(numbers)])))
        if texts:
            inputs.append((TEXTS, StringTensorType([None, len(texts)])))
        prepared = self._prepared(pipeline, [*numbers, *texts])
        classifies = hasattr(pipeline, "classes_")
        model = convert_sklearn(
            prepared,
            "slipway",
            inputs,
            options={id(prepared): {"zipmap": False}} if classifies else None,
            target_opset=OPSETS,
            custom_conversion_functions={SimpleImputer: _impute, **self.converters},
            custom_shape_calculators={SimpleImputer: _imputed_shape},
        )
        return _with_score(model, classifies=classifies)

    def _prepared(self, pipeline: Pipeline, names: Sequence[str]) -> Pipeline:
        """Return a copy whose columns are numbered, as the library requires, with casts."""
        (_, columns), (_, estimator) = deepcopy(pipeline).steps
        columns.transformers_ = [
            (name, _spelled(step), [names.index(str(one)) for one in chosen])
            for name, step, chosen in columns.transformers_
            if step != "drop" and len(chosen) > 0
        ]
        self.prepare(estimator)
        steps = [("prepare", columns)]
        steps += [
            (f"cast{number}", CastTransformer(dtype=dtype))
            for number, dtype in enumerate(self.casts.get(type(estimator), ()))
        ]
        return Pipeline([*steps, ("estimator", estimator)])


AS_IT_COMES = Library(
    converters={},
    casts=dict.fromkeys(
        (XGBClassifier, XGBRegressor, RandomForestClassifier, RandomForestRegressor), (np.float32,)
    ),
)


def _spelled(step: Any) -> Any:
    if isinstance(step, OneHotEncoder):
        # The library would write a missing category as the text "nan", which is one of its own.
        step.categories_ = [
            np.array(
                [spell_category(one if isinstance(one, str) else None) for one in known], object
            )
            for known in step.categories_
        ]
    return step


def _with_score(model: onnx.ModelProto, *, classifies: bool) -> bytes:
    """Return the same model with one output: doubles of shape (n_rows, 1)."""
    graph = model.graph
    given = graph.output[-1].name
    if classifies:
        graph.initializer.append(helper.make_tensor("slipway:class", TensorProto.INT64, [1], [1]))
        gather = helper.make_node("Gather", [given, "slipway:class"], ["slipway:score"], axis=1)
        graph.node.append(gather)
        given = "slipway:score"
    graph.node.append(helper.make_node("Cast", [given], [SCORE], to=TensorProto.DOUBLE))
    del graph.output[:]
    graph.output.append(helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, [None, 1]))
    onnx.checker.check_model(model)
    data: bytes = model.SerializeToString()
    return data
