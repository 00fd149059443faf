"""The reverse proxy: forwarded requests, refusals and own pages, with fake servers."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from slipway.serving.http.auth import require_token
from slipway.serving.http.tokens import line_of, make_token
from slipway.serving.platform.proxy.forwarding import Forwarder
from slipway.serving.platform.proxy.metrics import PlatformMetrics
from slipway.serving.platform.proxy.reverse_proxy import (
    RequestTarget,
    ReverseProxy,
    parse_target,
    served_model,
)
from slipway.serving.platform.proxy.traffic import Traffic
from slipway.serving.platform.status_pages import StatusPages
from tests.fakes.model_servers import FakeServer, state

pytestmark = pytest.mark.anyio

INFER = "/v2/models/delay/infer"


class ProxySetup:
    """A reverse proxy with one model: version 1 serves, version 2 is warm."""

    def __init__(self, tokens_file: Path | None = None) -> None:
        self.servers: dict[int, FakeServer] = {}
        self.looks = 0
        traffic = Traffic(state({1: 1.0}, keep=(2,)), make=self._make)  # type: ignore[arg-type]
        traffic.advance()
        models = {"delay": traffic}
        metrics = PlatformMetrics(models)
        pages = StatusPages(models, metrics=metrics, look_now=self._look)
        pages.has_looked = True
        door = ReverseProxy(
            models, forwarding=Forwarder(metrics), pages=pages.app(_idle), max_body_bytes=1000
        )
        self.app = require_token(
            door,
            tokens_file,
            refused=lambda path, reason: metrics.count_refused(served_model(path, models), reason),
        )

    @asynccontextmanager
    async def client(self) -> AsyncIterator[httpx.AsyncClient]:
        """A client of the proxy."""
        transport = httpx.ASGITransport(app=self.app)
        async with httpx.AsyncClient(transport=transport, base_url="http://door") as client:
            yield client

    def _make(self, model: str, version: int, _digest: str | None, changed: Any) -> FakeServer:
        self.servers[version] = FakeServer(model, version, changed, ready=True)
        return self.servers[version]

    def _look(self) -> None:
        self.looks += 1


@asynccontextmanager
async def _idle(_app: object) -> AsyncIterator[None]:
    yield


@pytest.mark.parametrize(
    ("path", "place"),
    [
        ("/v2/models/delay", RequestTarget("delay", None, "")),
        ("/v2/models/delay/infer", RequestTarget("delay", None, "infer")),
        ("/v2/models/delay/versions/3", RequestTarget("delay", 3, "")),
        ("/v2/models/delay/versions/3/infer", RequestTarget("delay", 3, "infer")),
        ("/v2/models/delay/a/b", RequestTarget("delay", None, "a/b")),
        ("/v2/models/delay/versions", None),
        ("/v2/models/delay/versions/-3/infer", None),
        ("/v2/models/delay/versions/٣/infer", None),
        ("/v2/models/delay/versions/12345678901/infer", None),
        ("/v2/models/", None),
        ("/v2", None),
        ("/platform/models/delay", None),
    ],
)
async def test_a_path_names_model_version_and_endpoint(
    path: str, place: RequestTarget | None
) -> None:
    """Model, version if given, and endpoint."""
    assert parse_target(path) == place


async def test_forwarded_headers() -> None:
    """All headers of the request reach the server, and none of the client's connection."""
    setup = ProxySetup()
    sent = {
        "authorization": "Bearer t",
        "connection": "keep-alive",
        "content-type": "application/octet-stream",
        "inference-header-content-length": "2",
        "traceparent": "00-1",
        "x-request-id": "r7",
    }
    setup.servers[1].reply_headers = [
        (b"inference-header-content-length", b"2"),
        (b"content-type", b"application/octet-stream"),
        (b"connection", b"close"),
        (b"date", b"never"),
    ]
    async with setup.client() as client:
        reply = await client.post(f"{INFER}?a=1", content=b"{}\x00", headers=sent)
    target, headers = setup.servers[1].seen[0]
    assert target == f"POST {INFER}?a=1"
    named = {name.decode(): value.decode() for name, value in headers.items()}
    assert {**sent, "connection": None} | named == {**named, "connection": None}
    assert not {"host", "connection", "content-length"} & named.keys()
    assert reply.content == b"{}\x00"
    assert reply.headers["inference-header-content-length"] == "2"
    assert reply.headers["x-slipway-version"] == "1"
    assert reply.headers["content-length"] == "3"
    assert not {"connection", "date"} & reply.headers.keys()


async def test_a_request_without_an_id_gets_one() -> None:
    """All attempts at one request have one id, and two requests never the same."""
    setup = ProxySetup()
    setup.servers[1].status_code = 503
    async with setup.client() as client:
        assert (await client.post(INFER, content=b"{}")).headers["x-slipway-version"] == "2"
        await client.post(INFER, content=b"{}")
    first, second = (headers[b"x-request-id"] for _, headers in setup.servers[1].seen)
    assert first != second
    assert setup.servers[2].seen[0][1][b"x-request-id"] == first


async def test_endpoints_of_a_model() -> None:
    """Metadata, versions and the OpenAPI document come from a server, and so does a 404."""
    setup = ProxySetup()
    async with setup.client() as client:
        for path in ("", "/versions/1", "/openapi.json", "/stats"):
            await client.get(f"/v2/models/delay{path}")
        await client.head("/v2/models/delay")
        await client.get("/v2/models/delay/versions/2")
    assert [target for target, _ in setup.servers[1].seen] == [
        "GET /v2/models/delay",
        "GET /v2/models/delay/versions/1",
        "GET /openapi.json",
        "GET /v2/models/delay/stats",
        "GET /v2/models/delay",
    ]
    assert len(setup.servers[2].seen) == 1


async def test_refusals() -> None:
    """Unknown models and versions, wrong methods and large bodies get a JSON error."""
    setup = ProxySetup()
    async with setup.client() as client:
        replies = {
            "/v2/models/other": await client.get("/v2/models/other"),
            "/v2/models/other/infer": await client.post("/v2/models/other/infer", content=b"{}"),
            "/v2/models/delay/versions/7": await client.get("/v2/models/delay/versions/7"),
            "/v2/models/delay/versions/x": await client.get("/v2/models/delay/versions/x"),
            "/nowhere": await client.get("/nowhere"),
            "GET infer": await client.get(INFER),
            "DELETE": await client.delete("/v2/models/delay"),
            "large": await client.post(INFER, content=b" " * 1001),
            "compressed": await client.post(INFER, headers={"content-encoding": "gzip"}),
        }
    assert all(isinstance(reply.json()["error"], str) for reply in replies.values())
    statuses = [reply.status_code for reply in replies.values()]
    assert statuses == [404, 404, 404, 404, 404, 405, 405, 413, 415]
    assert setup.servers[1].seen == []


async def test_its_own_pages() -> None:
    """Health, status, the request to reconcile, and the protocol's server metadata."""
    setup = ProxySetup()
    async with setup.client() as client:
        assert (await client.get("/v2")).json()["extensions"] == ["binary_tensor_data"]
        assert (await client.get("/v2/health/live")).json() == {"live": True}
        assert (await client.get("/v2/health/ready")).json() == {"ready": True}
        assert (await client.get("/v2/models/delay/ready")).json() == {"ready": True}
        assert (await client.get("/v2/models/delay/versions/2/ready")).json() == {"ready": True}
        [listed] = (await client.get("/platform/models")).json()["models"]
        assert listed == (await client.get("/platform/models/delay")).json()
        assert (await client.get("/platform/models/other")).status_code == 404
        assert (await client.post("/platform/look")).status_code == 202
        setup.servers[1].become(ready=False)
        setup.servers[2].become(ready=False)
        assert (await client.get("/v2/health/ready")).status_code == 503
        assert (await client.get("/v2/models/delay/ready")).status_code == 503
    assert setup.looks == 1


async def test_figures_for_prometheus() -> None:
    """Weights, readiness, restarts and requests by version, and addresses of servers."""
    setup = ProxySetup()
    async with setup.client() as client:
        await client.post(INFER, content=b"{}")
        setup.servers[2].become(ready=False)
        lines = (await client.get("/metrics")).text.splitlines()
        found = (await client.get("/platform/targets")).json()
    labels = 'model="delay",version'
    assert f'slipway_platform_weight{{{labels}="1"}} 1.0' in lines
    assert f'slipway_platform_weight{{{labels}="2"}} 0.0' in lines
    assert f'slipway_platform_server_ready{{{labels}="2"}} 0.0' in lines
    assert f'slipway_platform_server_restarts_total{{{labels}="1"}} 0.0' in lines
    requests = "slipway_platform_requests_total"
    assert f'{requests}{{model="delay",outcome="answered",version="1"}} 1.0' in lines
    assert [one["targets"] for one in found] == [["127.0.0.1:1"], ["127.0.0.1:1"]]
    assert found[0]["labels"]["__meta_slipway_model"] == "delay"


async def test_tokens_are_required(tmp_path: Path) -> None:
    """With a tokens file only its clients are answered; health stays open."""
    token = make_token()
    tokens_file = tmp_path / "tokens"
    tokens_file.write_text(line_of("shop", token))
    setup = ProxySetup(tokens_file)
    async with setup.client() as client:
        for path in ("/v2/health/live", "/v2/health/ready"):
            assert (await client.get(path)).status_code == 200
        closed = ("/v2", "/v2/models/delay", "/metrics", "/platform/models", "/platform/targets")
        for path in closed:
            refused = await client.get(path)
            assert (refused.status_code, "error" in refused.json()) == (401, True)
        headers = {"authorization": f"Bearer {token}"}
        assert (await client.post(INFER, content=b"{}", headers=headers)).status_code == 200
        figures = (await client.get("/metrics", headers=headers)).text
    assert setup.servers[1].seen[0][1][b"authorization"] == f"Bearer {token}".encode()
    refused = "slipway_platform_auth_failures_total"
    assert f'{refused}{{model="",reason="missing"}} 4.0' in figures
    assert f'{refused}{{model="delay",reason="missing"}} 1.0' in figures
    assert f'{refused}{{model="delay",reason="unknown"}} 0.0' in figures
