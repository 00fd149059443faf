"""What a model's metadata and the schema of its answers say."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest

from slipway.serving.model_server.engine import Engine
from slipway.serving.v2.model_metadata import model_metadata
from slipway.serving.v2.response_schema import response_schema
from tests.serving.v2_requests import SIGNATURE


def test_metadata_name_every_input_once() -> None:
    """The model's columns come first, then the logged ones."""
    about = model_metadata("delay", 3, SIGNATURE, engine="onnx")
    assert about["platform"] == "slipway_onnx"
    assert [(item["name"], item["datatype"]) for item in about["inputs"]] == [
        ("distance", "FP64"),
        ("temperature", "FP64"),
        ("carrier", "BYTES"),
        ("flight_id", "BYTES"),
        ("at", "BYTES"),
    ]
    assert about["outputs"] == [{"name": "score", "datatype": "FP64", "shape": [-1]}]


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        ({"task": "classification", "classes": ["DOWN", "UP"]}, {"class": "UP"}),
        ({"task": "classification", "classes": [False, True]}, {"class": True}),
        ({"task": "classification", "classes": [0, 1]}, {"class": 1}),
        ({"task": "classification"}, None),
        ({"task": "regression"}, None),
    ],
)
def test_metadata_tell_of_which_class_a_score_is(
    facts: dict[str, Any], told: dict[str, Any] | None
) -> None:
    """By the classes that are pinned in the version; the schema of answers says it, too."""
    signature = Engine("onnx", SIGNATURE.columns, facts, lambda _: np.zeros(1)).signature
    (output,) = model_metadata("delay", 3, signature, engine="onnx")["outputs"]
    assert output.get("parameters") == told
    schema = json.dumps(response_schema(signature))
    assert ("probability of class" in schema) == (told is not None)
