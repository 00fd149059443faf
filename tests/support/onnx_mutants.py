"""ONNX forms with one deliberate mistake each."""

from __future__ import annotations

from dataclasses import replace

import onnx
from onnx import TensorProto, helper, numpy_helper

from slipway.adapters.model_package.onnx_form import OnnxForm


def numbers_as_floats(form: OnnxForm) -> OnnxForm:
    """Round numbers to single precision as they come in."""
    model = onnx.load_from_string(form.data)
    numbers = [
        one.name
        for one in model.graph.input
        if one.type.tensor_type.elem_type == TensorProto.DOUBLE
    ]
    nodes = []
    for name in numbers:
        nodes.append(helper.make_node("Cast", [name], [f"{name}/float"], to=TensorProto.FLOAT))
        nodes.append(
            helper.make_node("Cast", [f"{name}/float"], [f"{name}/back"], to=TensorProto.DOUBLE)
        )
    for node in model.graph.node:
        for place, name in enumerate(node.input):
            if name in numbers:
                node.input[place] = f"{name}/back"
        nodes.append(node)
    return _with_nodes(form, model, nodes)


def other_side_of_equal(form: OnnxForm) -> OnnxForm:
    """Send a number that equals a threshold to the other side."""
    model = onnx.load_from_string(form.data)
    for node in model.graph.node:
        for attribute in node.attribute:
            if attribute.name == "nodes_modes":
                modes = numpy_helper.to_array(attribute.t)
                attribute.t.CopyFrom(numpy_helper.from_array(1 - modes))
    return replace(form, data=model.SerializeToString())


def gaps_are_zeros(form: OnnxForm) -> OnnxForm:
    """Impute zeros for every gap."""
    model = onnx.load_from_string(form.data)
    imputed = [node.input[1] for node in model.graph.node if node.op_type == "Where"]
    for constant in model.graph.initializer:
        if constant.name in imputed:
            zeros = numpy_helper.to_array(constant) * 0
            constant.CopyFrom(numpy_helper.from_array(zeros, constant.name))
    return replace(form, data=model.SerializeToString())


def missing_is_unknown(form: OnnxForm) -> OnnxForm:
    """Encode a missing category as an unseen one."""
    model = onnx.load_from_string(form.data)
    for node in model.graph.node:
        if node.op_type == "OneHotEncoder":
            for attribute in node.attribute:
                texts = [text or b"no category at all" for text in attribute.strings]
                del attribute.strings[:]
                attribute.strings.extend(texts)
    return replace(form, data=model.SerializeToString())


def _with_nodes(form: OnnxForm, model: onnx.ModelProto, nodes: list[onnx.NodeProto]) -> OnnxForm:
    copies = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
    del model.graph.node[:]
    model.graph.node.extend(copies)
    onnx.checker.check_model(model)
    return replace(form, data=model.SerializeToString())
