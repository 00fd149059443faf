"""Starts the model server without its fast path: MODEL FOLDER PORT.

ASGI brings every request; a small one to a quick model is still answered in the event loop.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

from slipway.serving.http.server import bind, run_until_stopped
from slipway.serving.model_server.inference import Inference, _predict_request
from slipway.serving.model_server.predictor import Answer
from slipway.serving.model_server.server import ModelServer
from slipway.serving.server_options import Options


class AsgiInference(Inference):
    """Answers small requests in the event loop, once ASGI has brought them."""

    async def _wait(self, body: bytes, headers: Mapping[bytes, bytes]) -> Answer:
        if len(body) > self._inline_bytes:
            return await super()._wait(body, headers)
        [answer] = self._model().answer([_predict_request(body, headers)])
        return answer


if __name__ == "__main__":
    model, folder, port = sys.argv[1:]
    server = ModelServer(
        model,
        version=1,
        folder=Path(folder),
        log_folder=Path(folder).parent / "asgi",
        options=Options(),
    )
    server.inference.__class__ = AsgiInference
    run_until_stopped(server.app(), bind("127.0.0.1", int(port)), stopping=server.stop)
