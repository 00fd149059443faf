"""Requests of two rows to a model with three columns, as V2's decoder gets them."""

from __future__ import annotations

import json
from typing import Any

from slipway.serving.v2.protocol import Inputs, decode
from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn

SIGNATURE = Signature(
    columns=(
        RawColumn("distance", "number", required=True),
        RawColumn("temperature", "number", required=False),
        RawColumn("carrier", "string", required=True),
    ),
    key="flight_id",
    event_time="at",
)
SECRET = "s3cret"


def good(**data: list[Any]) -> dict[str, Any]:
    """A request of two rows, with some columns' data replaced."""
    columns = {"distance": [100.5, 2], "temperature": [None, 1.0], "carrier": ["AA", "DL"]} | data
    types = {"carrier": "BYTES", "flight_id": "BYTES", "at": "BYTES"}
    inputs = [
        {"name": name, "shape": [len(values)], "datatype": types.get(name, "FP64"), "data": values}
        for name, values in columns.items()
    ]
    return {"inputs": inputs}


def changed(name: str, **change: Any) -> dict[str, Any]:
    """A request with one column changed."""
    request = good()
    [tensor] = [tensor for tensor in request["inputs"] if tensor["name"] == name]
    tensor.update(change)
    return request


def read(request: dict[str, Any] | bytes) -> Inputs:
    """The decoded request."""
    body = request if isinstance(request, bytes) else json.dumps(request).encode()
    return decode(body, SIGNATURE, max_rows=3)
