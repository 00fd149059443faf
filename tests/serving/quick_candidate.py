"""A candidate's server in this process, which is there at once."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
from starlette.testclient import TestClient
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from slipway.adapters.platforms.v2_replies import parse_answer
from slipway.errors import RolloutRefused
from slipway.serving.model_server.server import ModelServer
from slipway.serving.server_options import Options
from slipway.stages.rollout.platform import Payload, Prediction

LOADED_WITHIN_S = 60.0


class QuickCandidate:
    """A fulfilment of `stages.rollout.platform.Candidate`.

    Args:
        client: Asks its application.
        path: Path of its infer requests.
    """

    cold_start_s = 1.0
    resident_mib = 100.0

    def __init__(self, client: TestClient, path: str) -> None:
        self._client = client
        self._path = path

    def infer(self, payload: Payload) -> Prediction:
        """Its answer."""
        return parse_answer(self._client.post(self._path, json=payload), self._path)

    def refuses(self, body: bytes) -> bool:
        """Whether it refuses a body as the client's mistake."""
        return self._client.post(self._path, content=body).is_client_error


@contextmanager
def quick_candidate(model: str, *, version: int, folder: Path) -> Iterator[QuickCandidate]:
    """A server of a version's folder; raises `RolloutRefused` if it does not become ready."""
    with (
        tempfile.TemporaryDirectory() as log,
        served(model, version=version, folder=folder, log_folder=Path(log)) as client,
    ):
        yield QuickCandidate(client, f"/v2/models/{model}/versions/{version}/infer")


@contextmanager
def served(model: str, *, version: int, folder: Path, log_folder: Path) -> Iterator[TestClient]:
    """A client of a server of a version's folder; raises as `quick_candidate` does."""
    server = ModelServer(
        model, version=version, folder=folder, log_folder=log_folder, options=Options()
    )
    with TestClient(_complete(server.app())) as client:
        _await_ready(client)
        yield client


def _complete(app: ASGIApp) -> ASGIApp:
    """An application that gets complete messages, as of a server; the client leaves some out."""

    async def call(scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_complete() -> Message:
            return {"more_body": False, **await receive()}

        await app(scope, receive_complete, send)

    return call


def _await_ready(client: TestClient) -> None:
    deadline = time.monotonic() + LOADED_WITHIN_S
    while time.monotonic() < deadline:
        reply: httpx.Response = client.get("/v2/health/ready")
        if reply.is_success:
            return
        if not reply.json().get("loading"):
            raise RolloutRefused("the candidate does not become ready", found=reply.text)
        time.sleep(0.02)
    raise RolloutRefused("the candidate does not become ready in time")
