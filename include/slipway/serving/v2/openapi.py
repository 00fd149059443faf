"""OpenAPI document of a model server, built from the model's signature.

Runs in model servers only.
"""

from __future__ import annotations

from typing import Any

from slipway.serving.v2.schemas import components, example, reference
from slipway.serving.v2.signature import Signature

Schema = dict[str, Any]

JSON = "application/json"
BYTES = "application/octet-stream"
ERRORS = {
    "400": "The body is not a V2 request.",
    "408": "The request took too long to arrive.",
    "413": "The request exceeds the limit on bytes or rows.",
    "415": "The body is compressed.",
    "422": "The request does not match the model's signature.",
    "429": "Too many explanations are wanted at once, or one took too long; retry later.",
    "500": "The model failed.",
    "503": "The model is not loaded yet, or the queue is full; retry later.",
}
BINARY = (
    "Columns may also be sent as bytes after the JSON, with the header "
    "`Inference-Header-Content-Length` and the parameter `binary_data_size` (V2's extension "
    "`binary_tensor_data`); OpenAPI cannot describe such a body."
)


def document(
    model: str,
    version: int,
    signature: Signature,
    *,
    max_rows: int,
    max_body_bytes: int,
    secured: bool = False,
) -> dict[str, Any]:
    """OpenAPI 3.1 document of every path of a model server.

    Args:
        model: Name of the model.
        version: Its version.
        signature: The model's inputs.
        max_rows: Limit on rows per request.
        max_body_bytes: Limit on the body of a request.
        secured: Whether a bearer token is required.
    """
    paths: Schema = {
        "/v2": _page("server", "Server metadata.", _object(name="string", version="string")),
        "/v2/health/live": _page("live", "Whether the server is up.", _object(live="boolean")),
        "/v2/health/ready": _page("ready", "Whether the model is ready.", _object(ready="boolean")),
        "/metrics": {"get": _get("metrics", "Prometheus metrics.", {"text/plain": {}})},
        "/openapi.json": _page("document", "This document.", _object(openapi="string")),
    }
    limits = f"At most {max_rows} rows and {max_body_bytes} bytes. {BINARY}"
    for stem, name in (
        (f"/v2/models/{model}", "model"),
        (f"/v2/models/{model}/versions/{version}", "version"),
    ):
        paths[stem] = _page(
            f"{name}-metadata",
            "Model metadata: inputs and outputs.",
            _object(name="string", platform="string", inputs="array", outputs="array"),
        )
        paths[f"{stem}/ready"] = _page(
            f"{name}-ready", "Whether the model is ready.", _object(ready="boolean")
        )
        paths[f"{stem}/infer"] = {"post": _infer(f"{name}-infer", limits, example(signature))}
    found: Schema = {
        "openapi": "3.1.0",
        "info": {
            "title": model,
            "version": str(version),
            "description": "One model version behind the Open Inference Protocol V2.",
        },
        "paths": paths,
        "components": {"schemas": components(signature, max_rows=max_rows)},
    }
    return _secured(found) if secured else found


def _page(name: str, summary: str, schema: Schema) -> Schema:
    return {"get": _get(name, summary, {JSON: {"schema": schema}})}


def _get(name: str, summary: str, content: Schema) -> Schema:
    failed = {"503": _problem(ERRORS["503"])}
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": {"description": summary, "content": content}, **failed},
    }


def _infer(name: str, limits: str, request: Schema) -> Schema:
    version = {"description": "The version that answered.", "schema": {"type": "string"}}
    length = {"description": "Length of the JSON part in bytes.", "schema": {"type": "integer"}}
    answer = {
        "description": "One score per row, or its label and the score of each class; as bytes "
        "after the JSON if binary output was requested.",
        "headers": {"x-slipway-version": version, "Inference-Header-Content-Length": length},
        "content": {
            JSON: {"schema": reference("InferResponse")},
            BYTES: {"schema": {"type": "string", "format": "binary"}},
        },
    }
    refusals = {status: _problem(text) for status, text in ERRORS.items()}
    return {
        "operationId": name,
        "summary": "Score rows.",
        "description": limits,
        "requestBody": {
            "required": True,
            "content": {JSON: {"schema": reference("InferRequest"), "example": request}},
        },
        "responses": {"200": answer, **refusals},
    }


def _object(**properties: str) -> Schema:
    return {
        "type": "object",
        "required": list(properties),
        "properties": {name: {"type": kind} for name, kind in properties.items()},
    }


def _problem(description: str) -> Schema:
    return {"description": description, "content": {JSON: {"schema": reference("Error")}}}


def _secured(found: Schema) -> Schema:
    """Add bearer authentication to every path but health."""
    refusal = _problem("The bearer token is missing or unknown.")
    for path, operations in found["paths"].items():
        if path.startswith("/v2/health/"):
            continue
        for operation in operations.values():
            operation["security"] = [{"bearer": []}]
            operation["responses"]["401"] = refusal
    schemes = {"bearer": {"type": "http", "scheme": "bearer"}}
    return {**found, "components": {**found["components"], "securitySchemes": schemes}}
