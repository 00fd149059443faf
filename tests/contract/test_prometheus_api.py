"""What the adapter of Prometheus makes of a server that is down, slow, or answers otherwise."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from slipway.adapters.prometheus.api import PrometheusApi
from slipway.errors import BadParameter, MetricsUnavailable, NotComputable, SlipwayError
from tests.serving.processes import free_port

SERIES = {
    "metric": {"status": "200"},
    "values": [[60, "1"], [120, "NaN"], [180, "+Inf"], [240, "2"]],
}
DATA = {"status": "success", "data": {"resultType": "matrix", "result": [SERIES]}}


@contextmanager
def answering(*answers: tuple[int, Any], wait_s: float = 0.0) -> Iterator[tuple[str, list[Any]]]:
    """The address of a server that gives these answers, the last one again and again."""
    seen: list[Any] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            status, body = answers[min(len(seen), len(answers) - 1)]
            seen.append((self.path, self.headers["authorization"]))
            time.sleep(wait_s)
            text = body if isinstance(body, str) else json.dumps(body)
            # A client that waits no longer has closed the connection.
            with suppress(BrokenPipeError):
                self.send_response(status)
                self.end_headers()
                self.wfile.write(text.encode())

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}", seen
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def query(url: str, **options: Any) -> Any:
    """Values of an expression."""
    api = PrometheusApi(url, waits_s=(0.0, 0.0), **options)
    return api.over("up", start=60, end=240, step=60)


def test_values_that_are_no_numbers_are_left_out() -> None:
    """NaN and infinity stand for no value."""
    with answering((200, DATA)) as (url, seen):
        [one] = query(f"{url}/prefix/", token="hidden")
    assert (one.labels, one.values, one.total) == ({"status": "200"}, {60: 1, 240: 2}, 3)
    path, authorization = seen[0]
    assert path.startswith("/prefix/api/v1/query_range?query=up&start=60.000&end=240.000&step=60")
    assert authorization == "Bearer hidden"


def test_a_server_that_is_busy_for_a_moment_is_tried_again() -> None:
    """A restart of it costs no window."""
    with answering((503, "starting"), (500, "still"), (200, DATA)) as (url, seen):
        assert len(query(url)) == 1
    assert len(seen) == 3


@pytest.mark.parametrize(
    ("status", "body", "error", "words"),
    [
        (503, {"status": "error", "error": "query timed out"}, MetricsUnavailable, "timed out"),
        (502, "<html>", MetricsUnavailable, "status 502"),
        (429, "slow down", MetricsUnavailable, "status 429"),
        (200, {**DATA, "warnings": ["store is down"]}, MetricsUnavailable, "in part"),
        (401, "who are you", BadParameter, "SLIPWAY_PROMETHEUS_TOKEN"),
        (403, {"error": "no"}, BadParameter, "refuses the token"),
        (400, {"status": "error", "error": "parse error"}, BadParameter, "parse error"),
        (422, {"status": "error", "error": "too many samples"}, NotComputable, "too many samples"),
        (302, "", BadParameter, "not one of Prometheus' API"),
        (200, "<html>sign in</html>", BadParameter, "not one of Prometheus' API"),
        (200, "[]", BadParameter, "not one of Prometheus' API"),
        (200, {"status": "success", "data": {}}, BadParameter, "not one of Prometheus' API"),
    ],
)
def test_every_other_answer_is_an_error_of_ours(
    status: int, body: Any, error: type[SlipwayError], words: str
) -> None:
    """Each says what was found, and where."""
    with answering((status, body)) as (url, _), pytest.raises(error) as caught:
        query(url.replace("://", "://user:secret@"))
    assert words in str(caught.value)
    assert url in str(caught.value)
    assert "secret" not in str(caught.value)


def test_a_server_that_is_down_or_slow_is_unavailable() -> None:
    """One that is too slow gets one request: more tries would take as long each."""
    with pytest.raises(MetricsUnavailable, match="does not answer"):
        query(f"http://127.0.0.1:{free_port()}")
    late = r"did not answer within 0\.2 s"
    with (
        answering((200, DATA), wait_s=1.0) as (url, seen),
        pytest.raises(MetricsUnavailable, match=late),
    ):
        query(url, answer_within_s=0.2)
    assert len(seen) == 1


@pytest.mark.parametrize("url", ["", "prometheus:9090", "ftp://a", "http://", "http://[::1"])
def test_an_address_has_to_be_one_of_http(url: str) -> None:
    """The error names the setting."""
    with pytest.raises(BadParameter, match="cannot be used") as caught:
        PrometheusApi(url)
    assert caught.value.where == "SLIPWAY_PROMETHEUS_URL"


def test_an_authority_has_to_be_a_file(tmp_path: Path) -> None:
    """A missing file, and one that holds no certificate."""
    empty = tmp_path / "ca.pem"
    empty.write_text("none")
    for file in (empty, tmp_path / "missing.pem"):
        with pytest.raises(BadParameter, match="authority of TLS cannot be read"):
            PrometheusApi("https://127.0.0.1:1", ca=file)
