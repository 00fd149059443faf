"""Convert a fitted pipeline to ONNX: the same scores without pandas and scikit-learn."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline

from slipway.adapters.model_package.onnx_form.estimators import WrittenEstimator, write_estimator
from slipway.adapters.model_package.onnx_form.graph import Graph, NoOnnxForm, Origin
from slipway.adapters.model_package.onnx_form.inputs import FormInputs
from slipway.adapters.model_package.onnx_form.transformers import write_column_transformer
from slipway.adapters.model_package.scored_classes import ScoredClasses
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


def write_onnx(
    pipeline: Pipeline, columns: Sequence[RawColumn], *, scored: ScoredClasses | None = None
) -> OnnxForm:
    """Convert a fitted pipeline to its ONNX form.

    Args:
        pipeline: Optional steps, a column transformer, and an estimator.
        columns: The raw columns, in the order of the signature.
        scored: Classes of a multi-class model; None of others.

    Raises:
        NoOnnxForm: A step, or the way it is set, is not supported.
    """
    (name, prepare), *rest = pipeline.steps
    if not isinstance(prepare, ColumnTransformer):
        raise NoOnnxForm(f"step {name} ({type(prepare).__name__}) has no ONNX form")
    graph = Graph()
    features = write_column_transformer(graph, prepare, FormInputs(graph, columns))
    written = write_estimator(graph, Pipeline(rest), features)
    if scored is None:
        return OnnxForm(graph.finish(written.score), _splits(written))
    scores = _of_every_class(graph, written.score, scored)
    return OnnxForm(graph.finish(scores, classes=scored.count), _splits(written))


def _of_every_class(graph: Graph, score: str, scored: ScoredClasses) -> str:
    """Add the scores of classes that the estimator does not give, and return the name of all."""
    if len(scored.fitted) == 2:  # noqa: PLR2004
        other = graph.add("Sub", [graph.constant(np.ones((1, 1))), score])
        score = graph.add("Concat", [other, score], axis=1)
    if len(scored.fitted) == scored.count:
        return score
    # A product with 0 and 1 keeps each score as it is.
    places = np.zeros((len(scored.fitted), scored.count))
    places[range(len(scored.fitted)), scored.fitted] = 1.0
    return graph.add("MatMul", [score, graph.constant(places)])


def _splits(written: WrittenEstimator) -> tuple[Split, ...]:
    if written.forest is None:
        return ()
    origins = written.features.origins
    thresholds = [(origins[feature], value) for feature, value in written.forest.thresholds()]
    return tuple(Split(origin, value) for origin, value in thresholds if origin is not None)
