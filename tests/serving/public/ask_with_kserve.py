"""Send requests with KServe's own client and print the results as JSON.

Runs with `.venv-clients/bin/python`; standard input holds the address, the model and the columns.
"""

from __future__ import annotations

import asyncio
import json
import sys
from typing import Any

import httpx
import numpy as np
from kserve import InferenceRESTClient, InferInput, InferRequest, RESTConfig
from kserve.protocol.infer_type import RequestedOutput

DTYPES = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "BYTES": np.object_}


def request_of(asked: dict[str, Any], *, binary: bool) -> InferRequest:
    """The client's request for some columns."""
    inputs = []
    for name, (datatype, values) in asked["columns"].items():
        one = InferInput(name, [len(values)], datatype)
        one.set_data_from_numpy(np.array(values, dtype=DTYPES[datatype]), binary_data=binary)
        inputs.append(one)
    outputs = [RequestedOutput("score", {"binary_data": binary})]
    return InferRequest(asked["model"], inputs, request_id="mine", request_outputs=outputs)


async def ask(asked: dict[str, Any]) -> dict[str, Any]:
    """Call every method of the client for a V2 server."""
    base, model = f"http://{asked['address']}", asked["model"]
    async with InferenceRESTClient(RESTConfig(protocol="v2", timeout=60)) as client:
        answers = {
            "JSON": await client.infer(base, request_of(asked, binary=False), model),
            "binary": await client.infer(base, request_of(asked, binary=True), model),
        }
        short = request_of(asked, binary=True)
        short.inputs.pop(0)
        try:
            await client.infer(base, short, model)
        except httpx.HTTPStatusError as error:
            refusal = [error.response.status_code, str(error)]
        return {
            "live": await client.is_server_live(base),
            "ready": await client.is_server_ready(base),
            "model ready": await client.is_model_ready(base, model),
            "other model ready": await client.is_model_ready(base, "other"),
            "scores": {
                name: answer.get_output_by_name("score").as_numpy().tolist()
                for name, answer in answers.items()
            },
            "about": {name: [it.id, it.model_name] for name, it in answers.items()},
            "refusal": refusal,
        }


if __name__ == "__main__":
    json.dump(asyncio.run(ask(json.load(sys.stdin))), sys.stdout)
