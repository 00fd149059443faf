"""JSON Schema of infer responses, built from the model's signature.

Runs in model servers only.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from slipway.serving.v2.explanation import EXPLANATION, EXPLANATION_BASE, FEATURES
from slipway.serving.v2.outputs import LABEL, WITHOUT_KEY, describe
from slipway.serving.v2.signature import Signature
from slipway.spec.labels import Label, spelled
from slipway.spec.logged_columns import OUTLIER_SCORE

Schema = dict[str, Any]


def response_schema(signature: Signature) -> Schema:
    """Return the schema of an answer: its outputs, by the model's classes."""
    described = describe(
        signature.classes, positive=signature.positive, tells_outliers=signature.tells_outliers
    )
    outputs = [_output(one, signature.classes or ()) for one in described]
    if signature.explains:
        outputs += [_explanation(signature.classes), _explanation_base(signature.classes)]
    identity = signature.identity
    parameters: Schema = {} if identity is None or not identity.key.parts else _without_key()
    return {
        "type": "object",
        "required": ["model_name", "model_version", "id", "outputs"],
        "properties": {
            "model_name": {"type": "string"},
            "model_version": {"type": "string"},
            "id": {"type": "string"},
            "outputs": {
                "type": "array",
                "minItems": 1,
                "maxItems": len(outputs),
                "items": outputs[0] if len(outputs) == 1 else {"anyOf": outputs},
            },
            **parameters,
        },
    }


def _without_key() -> Schema:
    """Schema of the parameters of an answer whose rows have no key."""
    value = {
        "type": "string",
        "description": "the columns that the request lacks of the key, so that no label is joined "
        "with its rows; absent if they have a key",
    }
    return {"parameters": {"type": "object", "properties": {WITHOUT_KEY: value}}}


def _explanation(classes: Sequence[Label] | None) -> Schema:
    """Schema of what each column adds to a score; its parameter names the columns."""
    shape = [-1, -1] if classes is None else [-1, -1, len(classes)]
    found = _output({"name": EXPLANATION, "datatype": "FP64", "shape": shape}, ())
    names = {"type": "string", "description": "the explained columns, a list as JSON text"}
    parameters: Schema = {
        "type": "object",
        "required": [FEATURES],
        "properties": {FEATURES: names},
    }
    properties = {**found["properties"], "parameters": parameters}
    return {**found, "required": [*found["required"], "parameters"], "properties": properties}


def _explanation_base(classes: Sequence[Label] | None) -> Schema:
    """Schema of the score that an explanation is added to."""
    shape = [-1] if classes is None else [-1, len(classes)]
    return _output({"name": EXPLANATION_BASE, "datatype": "FP64", "shape": shape}, ())


def _output(described: Mapping[str, Any], classes: Sequence[Label]) -> Schema:
    """Schema of one output: labels are of the model's classes, scores are numbers."""
    name = described["name"]
    value: Schema = {"enum": list(classes)} if name == LABEL else {"type": "number"}
    if name == OUTLIER_SCORE:
        value["description"] = "share of training rows that are less unusual"
    if "class" in described.get("parameters", {}):
        value["description"] = f"probability of class {spelled(described['parameters']['class'])}"
    most = len(described["shape"])
    shape: Schema = {"type": "array", "items": {"type": "integer"}, "maxItems": most}
    return {
        "type": "object",
        "required": ["name", "datatype", "shape", "data"],
        "properties": {
            "name": {"const": name},
            "datatype": {"const": described["datatype"]},
            "shape": shape,
            "data": {"type": "array", "items": value, "minItems": 1},
        },
    }
