"""V2 metadata of a model: its inputs and outputs.

Runs in model servers only.
"""

from __future__ import annotations

from typing import Any

from slipway.serving.v2.explanation import EXPLAIN
from slipway.serving.v2.outputs import describe
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
    roles = {}
    if signature.identity is not None:
        roles = {one.name: one.role for one in signature.identifying}
    inputs: list[dict[str, Any]] = [
        {
            "name": column.name,
            "datatype": datatype_of(column),
            "shape": [-1],
            "parameters": {
                "required": True,
                "nullable": not column.required,
                **({"role": roles[column.name]} if column.name in roles else {}),
            },
        }
        for column in signature.columns
    ]
    inputs += [
        {
            "name": one.name,
            "datatype": DATATYPE[one.type or "string"],
            "shape": [-1],
            "parameters": {"required": False, "nullable": one.nullable, "role": one.role},
        }
        for one in signature.logged
    ]
    return {
        "name": model,
        "versions": [str(version)],
        "platform": f"slipway_{engine}",
        "inputs": inputs,
        "outputs": describe(
            signature.classes,
            positive=signature.positive,
            tells_outliers=signature.tells_outliers,
        ),
        "parameters": {EXPLAIN: signature.explains},
    }


def datatype_of(column: RawColumn) -> str:
    """V2 datatype of a column in the model's metadata."""
    if column.type is not None:
        return DATATYPE[column.type]
    return "FP64" if column.kind == "number" else "BYTES"
