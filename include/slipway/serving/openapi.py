"""The OpenAPI document of a model server, made from the model's signature."""

from __future__ import annotations

from typing import Any

from slipway.serving.protocol import Signature


def document(
    model: str, version: int, signature: Signature, *, max_rows: int, max_body_bytes: int
) -> dict[str, Any]:
    """OpenAPI 3.1 of everything that a server of this version answers.

    Args:
        model: Name of the model.
        version: Its version.
        signature: What a request may hold.
        max_rows: More rows are refused.
        max_body_bytes: So is a larger body.
    """
    path = f"/v2/models/{model}/versions/{version}/infer"
    inputs = ", ".join(column.name for column in signature.columns)
    limits = f"At most {max_rows} rows and {max_body_bytes} bytes. Inputs: {inputs}."
    answers = {"200": {"description": "The scores."}}
    return {
        "openapi": "3.1.0",
        "info": {"title": model, "version": str(version)},
        "paths": {path: {"post": {"description": limits, "responses": answers}}},
    }
