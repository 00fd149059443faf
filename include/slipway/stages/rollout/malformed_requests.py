"""Malformed requests that every candidate has to refuse before it gets traffic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.stages.rollout.platform import Payload

Columns = Sequence[tuple[str, str, bool]]


def malformed_requests(good: Payload, columns: Columns) -> dict[str, bytes]:
    """Bodies that a server has to refuse, by their defect.

    Args:
        good: A valid request with one row.
        columns: Name, kind and requiredness of the model's inputs.
    """
    first, kind, _ = columns[0]
    inputs = good["inputs"]
    wrong = ["text"] if kind == "number" else [1.5]
    bodies = {
        "missing column": [tensor for tensor in inputs if tensor["name"] != first],
        "extra column": [*inputs, {**inputs[0], "name": "no_such_column"}],
        "wrong type": _with(inputs, first, data=wrong),
        "wrong shape": _with(inputs, first, shape=[2]),
    }
    required = next((name for name, _, required in columns if required), None)
    if required is not None:
        bodies["null where none is allowed"] = _with(inputs, required, data=[None])
    encoded = {name: json.dumps({"inputs": body}).encode() for name, body in bodies.items()}
    number = next((name for name, kind, _ in columns if kind == "number"), None)
    if number is not None:
        # Python's encoder writes the literal NaN, which is not JSON.
        not_a_number = {"inputs": _with(inputs, number, data=[float("nan")])}
        encoded["NaN"] = json.dumps(not_a_number).encode()
    return encoded | {"broken JSON": b'{"inputs": [', "no inputs": b'{"inputs": []}'}


def _with(inputs: Sequence[Mapping[str, Any]], name: str, **change: Any) -> list[dict[str, Any]]:
    return [{**tensor, **change} if tensor["name"] == name else {**tensor} for tensor in inputs]
