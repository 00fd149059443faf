"""Write transformers as ONNX; like scikit-learn's, they compute in doubles."""

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
from slipway.adapters.model_package.onnx_form.inputs import FormInputs
from slipway.stages.model.onnx_form import spell_category

Writer = Callable[[Graph, Any, Matrix], Matrix]


def write_transformer(graph: Graph, step: Any, features: Matrix) -> Matrix:
    """Add a fitted transformer to the graph, and return its output.

    Raises:
        NoOnnxForm: Its class, or the way it is set, is not supported.
    """
    if step == "passthrough":
        return features
    if isinstance(step, Pipeline):
        for _, inner in step.steps:
            features = write_transformer(graph, inner, features)
        return features
    # By exact class: a subclass may compute something else.
    writer = WRITERS.get(type(step))
    if writer is None:
        raise NoOnnxForm(f"step {type(step).__name__} has no ONNX form")
    return writer(graph, step, features)


def write_column_transformer(graph: Graph, step: ColumnTransformer, inputs: FormInputs) -> Matrix:
    """Add a fitted column transformer to the graph, and return its output.

    Raises:
        NoOnnxForm: One of its transformers is not supported.
    """
    blocks: list[Block] = []
    for _, transformer, names in step.transformers_:
        if transformer == "drop" or len(names) == 0:
            continue
        columns = inputs.take([str(name) for name in names])
        blocks += write_transformer(graph, transformer, columns).blocks
    return Matrix(tuple(blocks))


def _impute(graph: Graph, step: SimpleImputer, features: Matrix) -> Matrix:
    statistics = np.asarray(step.statistics_)
    fills_nan = statistics.dtype.kind == "f" and np.isnan(step.missing_values)
    if not fills_nan or step.add_indicator:
        raise NoOnnxForm("step SimpleImputer has an ONNX form only for NaN in numbers")
    if np.isnan(statistics).any():
        raise NoOnnxForm("step SimpleImputer drops a column that was empty in training")
    block = _joined_numbers(graph, step, features)
    missing = graph.add("IsNaN", [block.name])
    fill_values = graph.constant(statistics.astype(np.float64).reshape(1, -1))
    filled = graph.add("Where", [missing, fill_values, block.name])
    return _renamed(block, filled, block.origins)


def _scale(graph: Graph, step: StandardScaler, features: Matrix) -> Matrix:
    block = _joined_numbers(graph, step, features)
    name = block.name
    shifts, scales = np.zeros(block.width), np.ones(block.width)
    # Subtract, then divide, as scikit-learn does: one fused step would round differently.
    if step.with_mean:
        shifts = np.asarray(step.mean_, dtype=np.float64)
        name = graph.add("Sub", [name, graph.constant(shifts.reshape(1, -1))])
    if step.with_std:
        scales = np.asarray(step.scale_, dtype=np.float64)
        name = graph.add("Div", [name, graph.constant(scales.reshape(1, -1))])
    # A second scaler's thresholds would need both maps; the pipelines here have one.
    unscaled = all(origin == Origin(origin.column) for origin in block.origins if origin)
    origins = [
        replace(origin, shift=float(shift), scale=float(scale)) if origin and unscaled else None
        for origin, shift, scale in zip(block.origins, shifts, scales, strict=True)
    ]
    return _renamed(block, name, origins)


def _one_hot(graph: Graph, step: OneHotEncoder, features: Matrix) -> Matrix:
    unknown = "ignore" if step.min_frequency is None else "infrequent_if_exist"
    if step.drop is not None or step.max_categories is not None or step.handle_unknown != unknown:
        needed = f"handle_unknown={unknown!r}"
        raise NoOnnxForm(f"step OneHotEncoder has an ONNX form only with {needed}")
    blocks = []
    grouped = getattr(step, "infrequent_categories_", [None] * len(step.categories_))
    for block, categories, rare in zip(features.blocks, step.categories_, grouped, strict=True):
        others = set() if rare is None else {_category_text(one) for one in rare}
        texts = [text for text in map(_category_text, categories) if text not in others]
        if not texts:
            raise NoOnnxForm("step OneHotEncoder has no ONNX form where every category is rare")
        # `zeros`: an unknown category is all zeros; so is a missing one if none was in training.
        hot = graph.add("OneHotEncoder", [block.name], cats_strings=texts, zeros=1)
        flat = graph.add("Flatten", [hot], axis=1)
        if rare is None:
            blocks.append(Block(flat, "float", (None,) * len(texts)))
            continue
        # What is none of the frequent categories is the last one: rare, unseen or missing.
        axis = graph.constant(np.array([1], dtype=np.int64))
        frequent = graph.add("ReduceSum", [flat, axis], keepdims=1)
        other = graph.add("Sub", [graph.constant(np.ones((1, 1), np.float32)), frequent])
        both = graph.add("Concat", [flat, other], axis=1)
        blocks.append(Block(both, "float", (None,) * (len(texts) + 1)))
    return Matrix(tuple(blocks))


def _category_text(category: Any) -> str:
    if isinstance(category, str):
        return spell_category(category)
    if category is None or (isinstance(category, float) and np.isnan(category)):
        return spell_category(None)
    raise NoOnnxForm("step OneHotEncoder has an ONNX form only for texts")


def _joined_numbers(graph: Graph, step: Any, features: Matrix) -> Block:
    if any(block.kind == "string" for block in features.blocks):
        raise NoOnnxForm(f"step {type(step).__name__} has an ONNX form only for numbers")
    return graph.join(features, "double")


def _renamed(block: Block, name: str, origins: Sequence[Origin | None]) -> Matrix:
    return Matrix((replace(block, name=name, origins=tuple(origins)),))


WRITERS: Mapping[type, Writer] = {
    SimpleImputer: _impute,
    StandardScaler: _scale,
    OneHotEncoder: _one_hot,
}
