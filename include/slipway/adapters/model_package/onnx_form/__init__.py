"""A whole pipeline written as ONNX: the same numbers, without pandas and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from slipway.adapters.model_package.columns import RawColumn
from slipway.adapters.model_package.onnx_form.estimators import Written, predict
from slipway.adapters.model_package.onnx_form.graph import Graph, NoOnnxForm, Origin
from slipway.adapters.model_package.onnx_form.raw import RawColumns
from slipway.adapters.model_package.onnx_form.steps import distribute

__all__ = ["NoOnnxForm", "OnnxForm", "Origin", "Split", "write_onnx"]


@dataclass(frozen=True)
class Split:
    """Where a tree divides the rows by one raw number.

    Attributes:
        origin: The raw number, and how the compared feature is made of it.
        threshold: What that feature is compared with.
    """

    origin: Origin
    threshold: float


@dataclass(frozen=True)
class OnnxForm:
    """A pipeline as ONNX.

    Attributes:
        data: The model, serialized.
        splits: Every place where a tree divides the rows by a raw number.
    """

    data: bytes
    splits: tuple[Split, ...]


def write_onnx(pipeline: Pipeline, columns: Sequence[RawColumn]) -> OnnxForm:
    """The ONNX form of a fitted pipeline.

    Args:
        pipeline: Optional steps, a column transformer, and an estimator.
        columns: The raw columns, in the order of the signature.

    Raises:
        NoOnnxForm: A step has none.
    """
    (name, prepare), *rest = pipeline.steps
    if not isinstance(prepare, ColumnTransformer):
        raise NoOnnxForm(f"step {name} ({type(prepare).__name__}) has no ONNX form")
    graph = Graph()
    raw = RawColumns(graph, columns)
    written = predict(graph, Pipeline(rest), distribute(graph, prepare, raw))
    return OnnxForm(graph.finish(written.score), _splits(written))


def _splits(written: Written) -> tuple[Split, ...]:
    if written.forest is None:
        return ()
    origins = written.features.origins
    found = [(origins[feature], value) for feature, value in written.forest.thresholds()]
    return tuple(Split(origin, value) for origin, value in found if origin is not None)
