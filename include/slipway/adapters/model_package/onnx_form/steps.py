"""Each transformer that has an ONNX form, computed as scikit-learn does: in doubles."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from sklearn.compose import ColumnTransformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from slipway.adapters.model_package.onnx_form.graph import Block, Graph, Matrix, NoOnnxForm, Origin
from slipway.adapters.model_package.onnx_form.raw import RawColumns
from slipway.stages.onnx_form import spelled

Writer = Callable[[Graph, Any, Matrix], Matrix]


def transform(graph: Graph, step: Any, given: Matrix) -> Matrix:
    """What a fitted transformer makes of some features.

    Raises:
        NoOnnxForm: It is of another class, or set in a way that has no form.
    """
    if step == "passthrough":
        return given
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            given = transform(graph, inner, given)
        return given
    # By the very class: a subclass may compute something else.
    writer = WRITERS.get(type(step))
    if writer is None:
        raise NoOnnxForm(f"step {type(step).__name__} has no ONNX form")
    return writer(graph, step, given)


def distribute(graph: Graph, step: ColumnTransformer, columns: RawColumns) -> Matrix:
    """What a fitted column transformer makes of raw columns.

    Raises:
        NoOnnxForm: One of its transformers has no form.
    """
    blocks: list[Block] = []
    for _, transformer, names in step.transformers_:
        if transformer == "drop" or len(names) == 0:
            continue
        given = columns.take([str(name) for name in names])
        blocks += transform(graph, transformer, given).blocks
    return Matrix(tuple(blocks))


def _impute(graph: Graph, step: SimpleImputer, given: Matrix) -> Matrix:
    statistics = np.asarray(step.statistics_)
    plain = statistics.dtype.kind == "f" and np.isnan(step.missing_values)
    if not plain or step.add_indicator:
        raise NoOnnxForm("step SimpleImputer has an ONNX form only for NaN in numbers")
    if np.isnan(statistics).any():
        raise NoOnnxForm("step SimpleImputer drops a column that was empty in training")
    block = _numbers(graph, step, given)
    missing = graph.add("IsNaN", [block.name])
    stand_ins = graph.constant(statistics.astype(np.float64).reshape(1, -1))
    return _same(block, graph.add("Where", [missing, stand_ins, block.name]), block.origins)


def _scale(graph: Graph, step: StandardScaler, given: Matrix) -> Matrix:
    block = _numbers(graph, step, given)
    name = block.name
    shifts, scales = np.zeros(block.width), np.ones(block.width)
    # Subtracted, then divided, as scikit-learn does: one fused step would round otherwise.
    if step.with_mean:
        shifts = np.asarray(step.mean_, dtype=np.float64)
        name = graph.add("Sub", [name, graph.constant(shifts.reshape(1, -1))])
    if step.with_std:
        scales = np.asarray(step.scale_, dtype=np.float64)
        name = graph.add("Div", [name, graph.constant(scales.reshape(1, -1))])
    # A second scaler's thresholds would need both maps; no pipeline of ours has two.
    plain = all(origin == Origin(origin.column) for origin in block.origins if origin)
    origins = [
        replace(origin, shift=float(shift), scale=float(scale)) if origin and plain else None
        for origin, shift, scale in zip(block.origins, shifts, scales, strict=True)
    ]
    return _same(block, name, origins)


def _encode(graph: Graph, step: OneHotEncoder, given: Matrix) -> Matrix:
    kept = step.drop is None and step.min_frequency is None and step.max_categories is None
    if not kept or step.handle_unknown != "ignore":
        raise NoOnnxForm("step OneHotEncoder has an ONNX form only with handle_unknown='ignore'")
    blocks = []
    for block, categories in zip(given.blocks, step.categories_, strict=True):
        texts = [_text(category) for category in categories]
        # `zeros`: an unknown category is all zeros, and so is a missing one that was never missing.
        hot = graph.add("OneHotEncoder", [block.name], cats_strings=texts, zeros=1)
        flat = graph.add("Flatten", [hot], axis=1)
        blocks.append(Block(flat, "float", (None,) * len(texts)))
    return Matrix(tuple(blocks))


def _text(category: Any) -> str:
    if isinstance(category, str):
        return spelled(category)
    if category is None or (isinstance(category, float) and np.isnan(category)):
        return spelled(None)
    raise NoOnnxForm("step OneHotEncoder has an ONNX form only for texts")


def _numbers(graph: Graph, step: Any, given: Matrix) -> Block:
    if any(block.kind == "string" for block in given.blocks):
        raise NoOnnxForm(f"step {type(step).__name__} has an ONNX form only for numbers")
    return graph.join(given, "double")


def _same(block: Block, name: str, origins: Sequence[Origin | None]) -> Matrix:
    return Matrix((replace(block, name=name, origins=tuple(origins)),))


WRITERS: Mapping[type, Writer] = {
    SimpleImputer: _impute,
    StandardScaler: _scale,
    OneHotEncoder: _encode,
}
