"""V2 metadata of a model: its inputs and outputs.

Runs in model servers only.
"""

from __future__ import annotations

from typing import Any

from slipway.serving.v2.protocol import OUTPUT
from slipway.serving.v2.signature import Signature


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
            "datatype": "FP64" if column.kind == "number" else "BYTES",
            "shape": [-1],
            "parameters": {"required": True, "nullable": not column.required},
        }
        for column in signature.columns
    ]
    named = {column.name for column in signature.columns}
    for role, name in (("key", signature.key), ("event_time", signature.event_time)):
        if name is not None and name not in named:
            parameters = {"required": False, "nullable": False, "role": role}
            inputs.append(
                {"name": name, "datatype": "BYTES", "shape": [-1], "parameters": parameters}
            )
    return {
        "name": model,
        "versions": [str(version)],
        "platform": f"slipway_{engine}",
        "inputs": inputs,
        "outputs": [{"name": OUTPUT, "datatype": "FP64", "shape": [-1]}],
    }
