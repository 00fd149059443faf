"""Malformed requests that every candidate has to refuse before it gets traffic."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from slipway.stages.ports.raw_column import RawColumn
from slipway.stages.rollout.platform import Payload


def malformed_requests(good: Payload, columns: Sequence[RawColumn]) -> dict[str, bytes]:
    """Bodies that a server has to refuse, by their defect.

    Args:
        good: A valid request with one row.
        columns: The model's inputs.
    """
    first, kind = columns[0].name, columns[0].kind
    inputs = good["inputs"]
    wrong = ["text"] if kind == "number" else [1.5]
    bodies = {
        "missing column": [tensor for tensor in inputs if tensor["name"] != first],
        "extra column": [*inputs, {**inputs[0], "name": "no_such_column"}],
        "wrong type": _with(inputs, first, data=wrong),
        "wrong shape": _with(inputs, first, shape=[2]),
    }
    required = next((column.name for column in columns if column.required), None)
    if required is not None:
        bodies["null where none is allowed"] = _with(inputs, required, data=[None])
    encoded = {name: json.dumps({"inputs": body}).encode() for name, body in bodies.items()}
    number = next((column.name for column in columns if column.kind == "number"), None)
    if number is not None:
        # Python's encoder writes the literal NaN, which is not JSON.
        not_a_number = {"inputs": _with(inputs, number, data=[float("nan")])}
        encoded["NaN"] = json.dumps(not_a_number).encode()
    limited = next((column.name for column in columns if column.type == "number"), None)
    if limited is not None:
        beyond = {"inputs": _with(inputs, limited, data=[-3.4e38])}
        encoded["number beyond the range"] = json.dumps(beyond).encode()
    return encoded | {"broken JSON": b'{"inputs": [', "no inputs": b'{"inputs": []}'}


def _with(inputs: Sequence[Mapping[str, Any]], name: str, **change: Any) -> list[dict[str, Any]]:
    return [{**tensor, **change} if tensor["name"] == name else {**tensor} for tensor in inputs]
