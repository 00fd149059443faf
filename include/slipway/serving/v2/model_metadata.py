"""V2 metadata of a model: its inputs and outputs.

Runs in model servers only.
"""

from __future__ import annotations

from typing import Any

from slipway.serving.v2.protocol import OUTPUT
from slipway.serving.v2.signature import Signature
from slipway.stages.ports.raw_column import RawColumn
from slipway.values.v2_tensors import DATATYPE


def model_metadata(
    model: str, version: int, signature: Signature, *, engine: str
) -> dict[str, Any]:
    """V2 metadata of a model: its inputs and outputs.

    Args:
        model: Its name.
        version: Its version.
        signature: The model's inputs.
        engine: Name of the engine, for the metadata's `platform`.
    """
    inputs: list[dict[str, Any]] = [
        {
            "name": column.name,
            "datatype": datatype_of(column),
            "shape": [-1],
            "parameters": {"required": True, "nullable": not column.required},
        }
        for column in signature.columns
    ]
    named = {column.name for column in signature.columns}
    logged = (
        ("key", signature.key, DATATYPE[signature.key_type or "string"]),
        ("event_time", signature.event_time, DATATYPE["timestamp"]),
    )
    for role, name, datatype in logged:
        if name is not None and name not in named:
            parameters = {"required": False, "nullable": False, "role": role}
            inputs.append(
                {"name": name, "datatype": datatype, "shape": [-1], "parameters": parameters}
            )
    return {
        "name": model,
        "versions": [str(version)],
        "platform": f"slipway_{engine}",
        "inputs": inputs,
        "outputs": [{"name": OUTPUT, "datatype": "FP64", "shape": [-1]}],
    }


def datatype_of(column: RawColumn) -> str:
    """V2 datatype of a column in the model's metadata."""
    if column.type is not None:
        return DATATYPE[column.type]
    return "FP64" if column.kind == "number" else "BYTES"
