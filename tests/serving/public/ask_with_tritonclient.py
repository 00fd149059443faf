"""Send requests with Triton's own client and print the results as JSON.

Runs with `.venv-clients/bin/python`; standard input holds the address, the model and the columns.
"""

from __future__ import annotations

import json
import sys
from typing import Any

import numpy as np
import tritonclient.http as triton
from tritonclient.utils import InferenceServerException

DTYPES = {"FP64": np.float64, "FP32": np.float32, "INT64": np.int64, "BYTES": np.object_}


def inputs_of(columns: dict[str, Any], *, binary: bool) -> list[triton.InferInput]:
    """The client's inputs for some columns."""
    inputs = []
    for name, (datatype, values) in columns.items():
        one = triton.InferInput(name, [len(values)], datatype)
        one.set_data_from_numpy(np.array(values, dtype=DTYPES[datatype]), binary_data=binary)
        inputs.append(one)
    return inputs


def main() -> None:
    """Call every method of the client for a V2 server with one model."""
    asked = json.load(sys.stdin)
    model, columns = asked["model"], asked["columns"]
    client = triton.InferenceServerClient(url=asked["address"], concurrency=2)
    raw = inputs_of(columns, binary=True)
    as_text = [triton.InferRequestedOutput("score", binary_data=False)]
    answers = {
        "binary": client.infer(model, raw, model_version="1", request_id="mine"),
        "binary in, JSON out": client.infer(model, raw, outputs=as_text),
        "asynchronous": client.async_infer(model, raw).get_result(),
    }
    # The client sends a missing number as NaN, which JSON does not have.
    if not np.isnan(columns["temperature"][1]).any():
        text = inputs_of(columns, binary=False)
        answers["JSON"] = client.infer(model, text, outputs=as_text)
        answers["JSON in, binary out"] = client.infer(model, text)
        answers["both"] = client.infer(model, [*text[:2], *raw[2:]], parameters={"probe": True})
    try:
        client.infer(model, raw[1:])
    except InferenceServerException as error:
        refusal = [error.status(), error.message()]
    results = {
        "live": client.is_server_live(),
        "ready": client.is_server_ready(),
        "model ready": client.is_model_ready(model) and client.is_model_ready(model, "1"),
        "other model ready": client.is_model_ready("other"),
        "server": client.get_server_metadata(),
        "model": client.get_model_metadata(model),
        "scores": {name: answer.as_numpy("score").tolist() for name, answer in answers.items()},
        "about": {
            name: [answer.get_response()[key] for key in ("id", "model_name", "model_version")]
            for name, answer in answers.items()
        },
        "refusal": refusal,
    }
    client.close()
    json.dump(results, sys.stdout)


if __name__ == "__main__":
    main()
