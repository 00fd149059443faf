"""The address of an MLflow server: what is in it, and who may see that."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.errors import RegistryUnavailable


class Closed(BaseHTTPRequestHandler):
    """A server that refuses everybody, and remembers how they introduced themselves."""

    seen: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        """Refuse."""
        self.seen.append(self.headers["authorization"])
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Say nothing."""


def test_a_password_in_the_address_is_used_and_never_told() -> None:
    """It goes into the request's header; errors and links hold the bare address."""
    with HTTPServer(("127.0.0.1", 0), Closed) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        bare = f"http://127.0.0.1:{server.server_port}"
        api = MlflowApi(f"http://ann:s3cret@127.0.0.1:{server.server_port}/")
        with pytest.raises(RegistryUnavailable) as refused:
            api.get("experiments/get-by-name", experiment_name="x")
        server.shutdown()
    assert Closed.seen == ["Basic YW5uOnMzY3JldA=="]
    assert api.url == bare
    with pytest.raises(RegistryUnavailable) as absent:
        api.get("experiments/get-by-name", experiment_name="x")
    assert "s3cret" not in f"{refused.value} {absent.value}"
