"""The inputs of an ONNX form: one matrix of all raw numbers, one of all raw texts.

An input for each column would be handed over one by one, which costs as much as scoring a row.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from slipway.adapters.model_package.columns import RawColumn
from slipway.adapters.model_package.onnx_form.graph import Block, Graph, Matrix, Origin
from slipway.stages.onnx_form import NUMBERS, TEXTS


class RawColumns:
    """Raw columns by name, taken out of the two inputs.

    Args:
        graph: Where the inputs are declared.
        columns: The raw columns, in the order of the signature.
    """

    def __init__(self, graph: Graph, columns: Sequence[RawColumn]) -> None:
        self._graph = graph
        self._numbers = [column.name for column in columns if column.kind == "number"]
        self._texts = [column.name for column in columns if column.kind == "string"]
        self._parted: dict[str, str] = {}
        if self._numbers:
            graph.input(NUMBERS, "double", self._numbers)
        if self._texts:
            graph.input(TEXTS, "string", self._texts)

    def take(self, names: Sequence[str]) -> Matrix:
        """Some columns, in this order; numbers side by side, each text apart."""
        if all(name in self._numbers for name in names):
            return Matrix((self._side_by_side(names),))
        return Matrix(tuple(self._one(name) for name in names))

    def _one(self, name: str) -> Block:
        return self._side_by_side([name]) if name in self._numbers else self._text(name)

    def _side_by_side(self, names: Sequence[str]) -> Block:
        value = NUMBERS
        if list(names) != self._numbers:
            places = np.array([self._numbers.index(name) for name in names], dtype=np.int64)
            value = self._graph.add("Gather", [NUMBERS, self._graph.constant(places)], axis=1)
        return Block(value, "double", tuple(Origin(name) for name in names))

    def _text(self, name: str) -> Block:
        if not self._parted:
            count = len(self._texts)
            parts = self._graph.part(TEXTS, count) if count > 1 else [TEXTS]
            self._parted = dict(zip(self._texts, parts, strict=True))
        return Block(self._parted[name], "string", (None,))
