"""Serve the floor of HTTP: parse V2 requests, return fixed scores: MODEL PORT.

No model, no checks, no log; otherwise the same framework, server and settings.
"""

from __future__ import annotations

import sys

import msgspec
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from slipway.serving.http.server import bind, run_until_stopped
from slipway.serving.v2.json_codec import InferRequest, InferResponse
from slipway.serving.v2.tensors import Tensor

MODEL = sys.argv[1]

decoder = msgspec.json.Decoder(InferRequest)
encoder = msgspec.json.Encoder()


async def infer(request: Request) -> Response:
    """Return as many fixed scores as there are rows."""
    parsed = decoder.decode(await request.body())
    rows = len(parsed.inputs[0].data)
    output = Tensor("score", [rows], "FP64", [0.5] * rows)
    answer = InferResponse(MODEL, "1", parsed.id or "none", [output])
    return Response(encoder.encode(answer), media_type="application/json")


async def ready(_request: Request) -> Response:
    """Report ready."""
    return Response(b"{}", media_type="application/json")


if __name__ == "__main__":
    routes = [
        Route("/v2/health/ready", ready),
        Route(f"/v2/models/{MODEL}/infer", infer, methods=["POST"]),
    ]
    run_until_stopped(Starlette(routes=routes), bind("127.0.0.1", int(sys.argv[2])))
