"""Build an ONNX graph: its nodes, and the feature matrix between them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.stages.model.onnx_form import SCORE, SCORES

Kind = Literal["double", "float", "string"]
Array = np.ndarray[Any, Any]

# `TreeEnsemble`, the only tree operator whose scores are doubles, came with ai.onnx.ml 5;
# ai.onnx 21 and IR 10 are of the same release, so a runtime that supports one supports all.
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
    """A step of a pipeline has no ONNX form; the message names the step and the reason."""


@dataclass(frozen=True)
class Origin:
    """The raw number that a feature is computed from: feature = (raw - shift) / scale."""

    column: str
    shift: float = 0.0
    scale: float = 1.0


@dataclass(frozen=True)
class Block:
    """Features that one value of the graph holds.

    Attributes:
        name: The value's name; its shape is (n_rows, width).
        kind: Its element type.
        origins: Raw number behind each feature; None for a category or an untraceable feature.
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
    """Features side by side; concatenated only where a step needs one value."""

    blocks: tuple[Block, ...]

    @property
    def origins(self) -> tuple[Origin | None, ...]:
        """Raw number behind each feature."""
        return tuple(origin for block in self.blocks for origin in block.origins)


@dataclass
class Graph:
    """Nodes and constants, in the order in which they were added."""

    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: list[TensorProto] = field(default_factory=list)
    inputs: list[onnx.ValueInfoProto] = field(default_factory=list)
    columns: dict[str, str] = field(default_factory=dict)

    def input(self, name: str, kind: Kind, columns: Sequence[str]) -> None:
        """Declare an input of shape (n_rows, n_columns), and name its columns in the metadata."""
        self.inputs.append(helper.make_tensor_value_info(name, DTYPES[kind], [None, len(columns)]))
        self.columns[name] = json.dumps(list(columns))

    def split(self, value: str, count: int) -> list[str]:
        """Split a value into single columns, and return their names."""
        outputs = [f"slipway:{value}:{place}" for place in range(count)]
        self.nodes.append(helper.make_node("Split", [value], outputs, axis=1, num_outputs=count))
        return outputs

    def add(self, operator: str, inputs: Sequence[str], **attributes: Any) -> str:
        """Add a node, and return the name of its output."""
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
        """Add a constant, and return its name."""
        name = f"slipway:constant:{len(self.constants)}"
        self.constants.append(numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    def cast(self, block: Block, kind: Kind) -> Block:
        """Cast features to an element type, if they differ."""
        if block.kind == kind:
            return block
        return replace(block, name=self.add("Cast", [block.name], to=DTYPES[kind]), kind=kind)

    def join(self, matrix: Matrix, kind: Kind) -> Block:
        """Concatenate all features into one value."""
        blocks = [self.cast(block, kind) for block in matrix.blocks]
        if len(blocks) == 1:
            return blocks[0]
        name = self.add("Concat", [block.name for block in blocks], axis=1)
        return Block(name, kind, matrix.origins)

    def finish(self, score: str, *, classes: int | None = None) -> bytes:
        """Return the checked, serialized model, with the scores as its only output.

        Args:
            score: Name of the scores.
            classes: Number of classes of a multi-class model.
        """
        name = SCORE if classes is None else SCORES
        self.nodes.append(helper.make_node("Identity", [score], [name]))
        output = helper.make_tensor_value_info(name, TensorProto.DOUBLE, [None, classes or 1])
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
