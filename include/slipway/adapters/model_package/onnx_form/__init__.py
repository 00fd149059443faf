"""Convert a fitted pipeline to ONNX: the same scores without pandas and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from slipway.adapters.model_package.onnx_form.estimators import WrittenEstimator, write_estimator
from slipway.adapters.model_package.onnx_form.graph import Graph, NoOnnxForm, Origin
from slipway.adapters.model_package.onnx_form.inputs import FormInputs
from slipway.adapters.model_package.onnx_form.transformers import write_column_transformer
from slipway.stages.ports.raw_column import RawColumn

__all__ = ["NoOnnxForm", "OnnxForm", "Origin", "Split", "write_onnx"]


@dataclass(frozen=True)
class Split:
    """A tree's split on one raw number.

    Attributes:
        origin: The raw number, and how the compared feature is computed from it.
        threshold: The value that the feature is compared with.
    """

    origin: Origin
    threshold: float


@dataclass(frozen=True)
class OnnxForm:
    """A pipeline as ONNX.

    Attributes:
        data: The model, serialized.
        splits: Every split of a tree on a raw number.
    """

    data: bytes
    splits: tuple[Split, ...]


def write_onnx(pipeline: Pipeline, columns: Sequence[RawColumn]) -> OnnxForm:
    """Convert a fitted pipeline to its ONNX form.

    Args:
        pipeline: Optional steps, a column transformer, and an estimator.
        columns: The raw columns, in the order of the signature.

    Raises:
        NoOnnxForm: A step, or the way it is set, is not supported.
    """
    (name, prepare), *rest = pipeline.steps
    if not isinstance(prepare, ColumnTransformer):
        raise NoOnnxForm(f"step {name} ({type(prepare).__name__}) has no ONNX form")
    graph = Graph()
    features = write_column_transformer(graph, prepare, FormInputs(graph, columns))
    written = write_estimator(graph, Pipeline(rest), features)
    return OnnxForm(graph.finish(written.score), _splits(written))


def _splits(written: WrittenEstimator) -> tuple[Split, ...]:
    if written.forest is None:
        return ()
    origins = written.features.origins
    thresholds = [(origins[feature], value) for feature, value in written.forest.thresholds()]
    return tuple(Split(origin, value) for origin, value in thresholds if origin is not None)
