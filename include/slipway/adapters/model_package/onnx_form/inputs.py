"""Declare the inputs of an ONNX form: one matrix of all raw numbers, one of all raw texts.

One input per column would cost as much at each call as scoring a row does.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slipway.adapters.model_package.onnx_form.graph import Block, Graph, Matrix, Origin
from slipway.stages.model.onnx_form import NUMBERS, TEXTS
from slipway.stages.ports.raw_column import RawColumn


class FormInputs:
    """The two inputs, from which raw columns are taken by name.

    Args:
        graph: The graph that declares the inputs.
        columns: The raw columns, in the order of the signature.
    """

    def __init__(self, graph: Graph, columns: Sequence[RawColumn]) -> None:
        self._graph = graph
        self._numbers = [column.name for column in columns if column.kind == "number"]
        self._texts = [column.name for column in columns if column.kind == "string"]
        self._text_columns: dict[str, str] = {}
        if self._numbers:
            graph.input(NUMBERS, "double", self._numbers)
        if self._texts:
            graph.input(TEXTS, "string", self._texts)

    def take(self, names: Sequence[str]) -> Matrix:
        """Return columns in this order: numbers as one block, each text as a block of its own."""
        if all(name in self._numbers for name in names):
            return Matrix((self._take_numbers(names),))
        return Matrix(tuple(self._take_one(name) for name in names))

    def _take_one(self, name: str) -> Block:
        return self._take_numbers([name]) if name in self._numbers else self._take_text(name)

    def _take_numbers(self, names: Sequence[str]) -> Block:
        value = NUMBERS
        if list(names) != self._numbers:
            places = np.array([self._numbers.index(name) for name in names], dtype=np.int64)
            value = self._graph.add("Gather", [NUMBERS, self._graph.constant(places)], axis=1)
        return Block(value, "double", tuple(Origin(name) for name in names))

    def _take_text(self, name: str) -> Block:
        if not self._text_columns:
            count = len(self._texts)
            columns = self._graph.split(TEXTS, count) if count > 1 else [TEXTS]
            self._text_columns = dict(zip(self._texts, columns, strict=True))
        return Block(self._text_columns[name], "string", (None,))
