"""What a request counts is counted behind its answer, and is there for the next request."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from slipway.serving.http.write_batcher import WriteBatcher
from slipway.serving.model_server.infer_endpoint import Inference
from slipway.serving.model_server.metrics import Metrics
from slipway.serving.server_options import Options
from tests.serving.model_versions import MODEL
from tests.serving.test_loaded_model import constant, loaded, predict_request

REQUESTS = 'slipway_requests_total{asked="model",model="delay",status="200",version="1"}'
ROWS = "slipway_batch_rows_sum"
RANGES = {"numbers": {"distance": [-2.0, -1.0]}}


class Counted:
    """A socket that notes what had been counted as it was written to."""

    def __init__(self, metrics: Metrics) -> None:
        self.metrics = metrics
        self.at_write: list[list[float]] = []

    def figures(self) -> list[float]:
        """Requests, rows and values outside their range so far."""
        found = {
            name.partition("{")[0]: float(value)
            for name, value in (
                line.rsplit(" ", 1)
                for line in self.metrics.exposition().decode().splitlines()
                if line.startswith((REQUESTS, ROWS, "slipway_out_of_range_inputs_total"))
            )
        }
        return [found.get(name, 0.0) for name in sorted(found)]

    def writelines(self, _: list[bytes]) -> None:
        """Note the counters."""
        self.at_write.append(self.figures())

    def is_closing(self) -> bool:
        """It is open."""
        return False


@pytest.mark.parametrize("requests", [1, 3])
def test_counters_follow_the_write_to_the_socket(requests: int) -> None:
    """The client has its answer first; a scrape that follows it finds it counted."""
    metrics = Metrics(MODEL, 1)
    inference = Inference(1, version_path="/v", options=Options(), metrics=metrics)
    model = loaded(constant(0.5), name="onnx", metrics=metrics, ranges=RANGES)
    model.row_seconds = 0.0
    inference.begin(model)
    socket = Counted(metrics)
    body = predict_request().body

    async def answer() -> None:
        batcher = WriteBatcher(socket, asyncio.get_running_loop())  # type: ignore[arg-type]

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            batcher.write(message.get("body", b"head"))

        for _ in range(requests):
            await inference({"headers": [], "path": "/m", "state": {}}, receive, send)
            await asyncio.sleep(0)

    asyncio.run(answer())
    inference.close()
    assert socket.at_write == [[float(one)] * 3 for one in range(requests)]
    assert socket.figures() == [float(requests)] * 3
