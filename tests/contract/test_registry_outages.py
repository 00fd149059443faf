"""A registry that is down or failing: every call raises `RegistryUnavailable`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.mlflow_server import MlflowRegistry, MlflowTracking
from slipway.errors import RegistryUnavailable
from slipway.records.ledger import Head
from slipway.stages.ports.registry import Anchor
from tests.conftest import free_port
from tests.support.registry_env import RegistryEnv


class _Broken(BaseHTTPRequestHandler):
    def _fail(self) -> None:
        self.send_response(503)
        self.end_headers()
        self.wfile.write(b"<html>not JSON</html>")

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _fail  # noqa: N815

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Log nothing."""


@pytest.fixture(params=["down", "failing"])
def outage_url(request: pytest.FixtureRequest) -> Iterator[str]:
    """URL of a server that refuses connections, and of one that answers 503."""
    if request.param == "down":
        yield f"http://127.0.0.1:{free_port()}"
        return
    server = HTTPServer(("127.0.0.1", 0), _Broken)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_no_error_of_the_transport_leaks(outage_url: str, sealed: tuple[Path, str]) -> None:
    """Every call raises `RegistryUnavailable` within two minutes, whether down or failing."""
    registry, tracking = MlflowRegistry(outage_url), MlflowTracking(outage_url)
    env = RegistryEnv(registry, tracking, str, "m")
    calls: list[Callable[[], Any]] = [
        lambda: registry.alias("m", "champion"),
        lambda: registry.version("m", 1),
        lambda: registry.register("m", model_uri="models:/m-1", run_key="r", tags={}),
        lambda: registry.set_alias("m", "champion", 1),
        lambda: registry.delete_alias("m", "champion"),
        lambda: registry.tag("m", 1, {"a": "b"}),
        lambda: registry.anchor(Anchor("m", "m", Head(1, "a"))),
        lambda: registry.anchored("m"),
        lambda: registry.download("m", 1, sealed[0].parent / "to"),
        env.begin,
        lambda: tracking.log_metrics("r", {"a": 1.0}),
        lambda: tracking.log_package("r", sealed[0]),
        lambda: tracking.end("r", status="FAILED"),
        lambda: tracking.address("r"),
        lambda: tracking.download("models:/m-1", sealed[0].parent / "to", sha256="a"),
    ]
    began = time.monotonic()
    for call in calls:
        with pytest.raises(RegistryUnavailable):
            call()
    assert time.monotonic() - began < 120
