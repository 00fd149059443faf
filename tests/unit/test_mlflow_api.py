"""The URL of an MLflow server: credentials in it, and where they are shown."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from slipway.adapters.mlflow_server.api import MlflowApi
from slipway.adapters.mlflow_server.registry import MlflowRegistry
from slipway.adapters.mlflow_server.registry_answers import heads_of
from slipway.adapters.mlflow_server.runs import MlflowRuns
from slipway.adapters.mlflow_server.stray_runs import close_stray_runs
from slipway.adapters.mlflow_server.tracking import LONGEST_PARAM, shortened
from slipway.errors import RegistryUnavailable
from slipway.records.ledger import Head
from slipway.stages.model.version_tags import ATTEMPT
from slipway.stages.ports.registry import Anchor
from slipway.stages.ports.tables import PinnedTable


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


@pytest.mark.parametrize("text", ["9" * 4900, "9" * 19, "-1", "\u0663", "1e3", ""])
def test_a_tag_that_is_no_head_is_as_if_it_had_been_deleted(text: str) -> None:
    """A hand may set a tag of up to 5,000 characters, on any registered model."""
    tags = [
        {"key": "slipway.ledger_head.flights", "value": f"{text}:{'a' * 64}"},
        {"key": "slipway.ledger_head", "value": f"7:{'b' * 64}"},
    ]
    assert heads_of({"name": "sales", "tags": tags}) == [
        Anchor("sales", "sales", Head(7, "b" * 64))
    ]


class OpenRuns(Registered):
    """A server with four open runs, of which one has an attempt, which records what is changed."""

    changed: list[str] = []  # noqa: RUF012

    def do_GET(self) -> None:
        """Answer that a run is open."""
        self._answer(b'{"run": {"info": {"status": "RUNNING"}}}')

    def do_POST(self) -> None:
        """Answer a search; take a status."""
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        if "run_id" in body:
            self.changed.append(body["run_id"])
        tags = {"old": "1", "long": "9" * 4900, "words": "first", "none": None}
        runs = [
            {
                "info": {"run_id": name},
                "data": {"tags": [{"key": ATTEMPT, "value": value}] if value else []},
            }
            for name, value in tags.items()
        ]
        self._answer(json.dumps({"runs": runs}).encode())


def test_a_run_with_no_number_of_an_attempt_ends_no_training() -> None:
    """It stays open; the one of an earlier attempt is ended."""
    with HTTPServer(("127.0.0.1", 0), OpenRuns) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        api = MlflowApi(f"http://127.0.0.1:{server.server_port}")
        close_stray_runs(api, experiment="1", run_key="sales/request-000001", attempt=2)
        server.shutdown()
    assert OpenRuns.changed == ["old"]


class OddInputs(Registered):
    """A server with a run whose inputs a hand has changed."""

    def do_GET(self) -> None:
        """Answer with the run."""
        sources = ['{"path": "t", "delta_table_version": 3}', "[" * 100_000, "3", "{}", "no JSON"]
        inputs = [
            {"dataset": {"name": "flights", "source_type": "delta_table", "source": source}}
            for source in sources
        ]
        run = {"info": {"experiment_id": "1"}, "data": {}, "inputs": {"dataset_inputs": inputs}}
        self._answer(json.dumps({"run": run}).encode())


def test_an_input_that_is_no_table_ends_no_import() -> None:
    """The others are the run's tables."""
    with HTTPServer(("127.0.0.1", 0), OddInputs) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        tables = MlflowRuns(f"http://127.0.0.1:{server.server_port}").read("r").tables
        server.shutdown()
    assert tables == (PinnedTable("flights", "t", 3),)
