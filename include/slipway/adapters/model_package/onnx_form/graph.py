"""An ONNX graph while it is being written, and the matrix that flows through it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.stages.onnx_form import SCORE

Kind = Literal["double", "float", "string"]
Array = np.ndarray[Any, Any]

# `TreeEnsemble`, the only tree operator that can compute in doubles, came with ai.onnx.ml 5;
# ai.onnx 21 and IR 10 are of the same release, so that any runtime which knows one knows all.
# ONNX Runtime has had its kernel since 1.20.
OPSET = 21
ML_OPSET = 5
IR_VERSION = 10

DTYPES = {
    "double": TensorProto.DOUBLE,
    "float": TensorProto.FLOAT,
    "string": TensorProto.STRING,
}


class NoOnnxForm(Exception):
    """A step of a pipeline cannot be written as ONNX; says which and why."""


@dataclass(frozen=True)
class Origin:
    """Which raw number a feature is made from: feature = (raw - shift) / scale."""

    column: str
    shift: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Block:
    """Some neighbouring features.

    Attributes:
        name: The graph's value that holds them, of shape (n_rows, width).
        kind: Its element type.
        origins: Where each comes from; None for a category or what cannot be traced back.
    """

    name: str
    kind: Kind
    origins: tuple[Origin | None, ...]

    @property
    def width(self) -> int:
        """Number of features."""
        return len(self.origins)


@dataclass(frozen=True)
class Matrix:
    """Features side by side; joined only when a step needs them as one value."""

    blocks: tuple[Block, ...]

    @property
    def origins(self) -> tuple[Origin | None, ...]:
        """Where each feature comes from."""
        return tuple(origin for block in self.blocks for origin in block.origins)


@dataclass
class Graph:
    """Nodes and constants, in the order in which they were added."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)

    def input(self, name: str, kind: Kind, columns: Sequence[str]) -> None:
        """Declare an input of shape (n_rows, n_columns), which says in its metadata what it is."""
        self.inputs.append(helper.make_tensor_value_info(name, DTYPES[kind], [None, len(columns)]))
        self.columns[name] = json.dumps(list(columns))

    def part(self, value: str, count: int) -> list[str]:
        """Names of the single columns of a value."""
        outputs = [f"slipway:{value}:{place}" for place in range(count)]
        self.nodes.append(helper.make_node("Split", [value], outputs, axis=1, num_outputs=count))
        return outputs

    def add(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Name of the value that a new node gives."""
        output = f"slipway:{len(self.nodes)}"
        ml = operator in {"TreeEnsemble", "OneHotEncoder"}
        self.nodes.append(
            helper.make_node(
                operator,
                list(inputs),
                [output],
                domain="ai.onnx.ml" if ml else "",
                **attributes,
            )
        )
        return output

    def constant(self, values: Array) -> str:
        """Name of the value that holds these numbers."""
        name = f"slipway:constant:{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def cast(self, block: Block, kind: Kind) -> Block:
        """The same features as another element type."""
        if block.kind == kind:
            return block
        return replace(block, name=self.add("Cast", [block.name], to=DTYPES[kind]), kind=kind)

    def join(self, matrix: Matrix, kind: Kind) -> Block:
        """All features in one value."""
        blocks = [self.cast(block, kind) for block in matrix.blocks]
        if len(blocks) == 1:
            return blocks[0]
        name = self.add("Concat", [block.name for block in blocks], axis=1)
        return Block(name, kind, matrix.origins)

    def finish(self, score: str) -> bytes:
        """The whole model, with `score` as its only output."""
        self.nodes.append(helper.make_node("Identity", [score], [SCORE]))
        output = helper.make_tensor_value_info(SCORE, TensorProto.DOUBLE, [None, 1])
        graph = helper.make_graph(self.nodes, "slipway", self.inputs, [output], self.constants)
        model = helper.make_model(
            graph,
            producer_name="slipway",
            ir_version=IR_VERSION,
            opset_imports=[
                helper.make_opsetid("", OPSET),
                helper.make_opsetid("ai.onnx.ml", ML_OPSET),
            ],
        )
        helper.set_model_props(model, self.columns)
        onnx.checker.check_model(model)
        data: bytes = model.SerializeToString()
        return data
