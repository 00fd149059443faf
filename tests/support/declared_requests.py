"""Requests for a model with a column of each declared type."""

from __future__ import annotations

import json
from typing import Any

from slipway.serving.v2.protocol import Inputs, decode
from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn

SIGNATURE = Signature(
    columns=(
        RawColumn("wind", "number", required=False, type="number"),
        RawColumn("decks", "number", required=True, type="integer"),
        RawColumn("refit", "number", required=False, type="boolean"),
        RawColumn("port", "string", required=False, type="string"),
        RawColumn("berth", "string", required=False, type="integer"),
        RawColumn("night", "string", required=True, type="boolean"),
    ),
    key="crossing",
    event_time="departs",
    key_type="integer",
)


GOOD: dict[str, tuple[str, list[Any]]] = {
    "wind": ("FP64", [1.5]),
    "decks": ("INT64", [2]),
    "refit": ("BOOL", [True]),
    "port": ("BYTES", ["Oban"]),
    "berth": ("INT64", [5]),
    "night": ("BOOL", [False]),
}


def request(**changes: tuple[str, list[Any]]) -> dict[str, Any]:
    """A request of one row, with some columns changed or added."""
    inputs = [
        {"name": name, "shape": [1], "datatype": datatype, "data": data}
        for name, (datatype, data) in (GOOD | changes).items()
    ]
    return {"inputs": inputs}


def read(**changes: tuple[str, list[Any]]) -> Inputs:
    """The decoded request."""
    return decode(json.dumps(request(**changes)).encode(), SIGNATURE, max_rows=9)
