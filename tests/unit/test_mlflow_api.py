"""The URL of an MLflow server: credentials in it, and where they are shown."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.adapters.mlflow_server.registry import MlflowRegistry
from slipway.adapters.mlflow_server.tracking import LONGEST_PARAM, shortened
from slipway.errors import RegistryUnavailable
from slipway.records.ledger import Head
from slipway.stages.ports.registry import Anchor


class Closed(BaseHTTPRequestHandler):
    """A server that answers 401 and records the credentials."""

    seen: list[str | None] = []  # noqa: RUF012

    def do_GET(self) -> None:
        """Refuse."""
        self.seen.append(self.headers["authorization"])
        self.send_error(503)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


def test_a_password_in_the_url_is_used_and_never_shown() -> None:
    """It is in the request's header; errors and links have the bare URL."""
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


class Registered(BaseHTTPRequestHandler):
    """A server with one registered model without tags, which records its requests."""

    asked: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        """Answer with the model."""
        self._answer(b'{"registered_model": {"name": "sales"}}')

    def do_POST(self) -> None:
        """Take a tag."""
        self.rfile.read(int(self.headers["content-length"]))
        self._answer(b"{}")

    def _answer(self, body: bytes) -> None:
        self.asked.append(f"{self.command} {self.path.partition('?')[0].rpartition('/')[2]}")
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Log nothing."""


def test_a_head_is_anchored_with_two_requests() -> None:
    """One tells whether there is such a model and which head it has; the other sets the tag."""
    with HTTPServer(("127.0.0.1", 0), Registered) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        MlflowRegistry(f"http://127.0.0.1:{server.server_port}").anchor(
            Anchor("sales", "sales", Head(3, "a" * 64))
        )
        server.shutdown()
    assert Registered.asked == ["GET get", "POST set-tag"]


def test_a_long_parameter_is_cut_to_what_mlflow_stores() -> None:
    """The names of a thousand features are no reason to fail a training."""
    params = {"seed": "7", "features": ", ".join(f"feature_{n}" for n in range(1000))}
    found = shortened(params)
    assert found["seed"] == "7"
    assert len(found["features"]) == LONGEST_PARAM
    assert found["features"].endswith("\u2026")
