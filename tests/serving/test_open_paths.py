"""What a client without a token learns where tokens are required."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from slipway.serving.http.tokens import digest_of, line_of, make_token
from slipway.serving.model_server.server import ModelServer
from slipway.serving.server_options import Options
from tests.serving.processes import OPTIONS
from tests.serving.test_reverse_proxy import ProxySetup

pytestmark = pytest.mark.anyio

PROBLEM = "Tampered: a file of a model version is missing; found: /models/delay/slipway/model.onnx"
READY = "/v2/health/ready"


async def answer(
    options: Options, path: str, *, token: str | None = None, problem: str | None = PROBLEM
) -> httpx.Response:
    """The answer of a model server, which has not loaded its model."""
    folder = Path("/nowhere")
    server = ModelServer("delay", version=1, folder=folder, log_folder=folder, options=options)
    if problem is not None:
        server.inference.problem = problem
    transport = httpx.ASGITransport(app=server.app())
    headers = {} if token is None else {"authorization": f"Bearer {token}"}
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as client:
        return await client.get(path, headers=headers)


def with_tokens(folder: Path) -> tuple[Options, str]:
    """Options with a tokens file, and a token of it."""
    token = make_token()
    (folder / "tokens").write_text(line_of("shop", token))
    return replace(OPTIONS, tokens_file=folder / "tokens"), token


async def test_readiness_tells_outsiders_a_code(tmp_path: Path) -> None:
    """Exceptions name files and columns: they are for clients with a token, or where none is."""
    options, token = with_tokens(tmp_path)
    about = {"ready": False, "loading": False, "code": "failed"}
    assert (await answer(options, READY)).json() == {**about, "error": "failed"}
    assert (await answer(options, READY, token="wrong")).json()["error"] == "failed"
    assert (await answer(options, READY, token=token)).json() == {**about, "error": PROBLEM}
    assert (await answer(OPTIONS, READY)).json() == {**about, "error": PROBLEM}
    loading = (await answer(options, READY, problem=None)).json()
    assert loading == {"ready": False, "loading": True, "code": "loading", "error": "loading"}


async def test_metrics_are_for_clients(tmp_path: Path) -> None:
    """They name models, columns and clients; where no tokens are required, they are open."""
    options, token = with_tokens(tmp_path)
    assert (await answer(options, "/metrics")).status_code == 401
    assert "slipway_ready" in (await answer(options, "/metrics", token=token)).text
    assert (await answer(OPTIONS, "/metrics")).is_success


async def test_the_parent_reads_why_its_server_is_not_ready(tmp_path: Path) -> None:
    """With a token of its own, which opens nothing else."""
    options, _ = with_tokens(tmp_path)
    probe = make_token()
    options = replace(options, parent_digest=digest_of(probe))
    assert (await answer(options, READY, token=probe)).json()["error"] == PROBLEM
    for path in ("/v2", "/metrics", "/openapi.json"):
        assert (await answer(options, path, token=probe)).status_code == 401


async def test_the_platform_names_its_models_to_clients_only(tmp_path: Path) -> None:
    """Its readiness has a code for outsiders."""
    options, token = with_tokens(tmp_path)
    setup = ProxySetup(options.tokens_file)
    for server in setup.servers.values():
        server.ready = False
    headers = {"authorization": f"Bearer {token}"}
    async with setup.client() as client:
        outside: dict[str, Any] = (await client.get(READY)).json()
        inside = (await client.get(READY, headers=headers)).json()
    assert outside == {"ready": False, "code": "models", "error": "models"}
    assert inside == {"ready": False, "code": "models", "error": "not ready: delay"}
