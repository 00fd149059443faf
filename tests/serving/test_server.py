"""The model server, as a real process."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from slipway.serving.shipper import ship_segments
from slipway.stages.replay import bad_inputs
from tests.serving.ground import (
    MODEL,
    Asker,
    Process,
    a_server,
    flights,
    free_port,
    logged,
    offline,
    open_store,
    request_of,
    until,
)

INFER = f"/v2/models/{MODEL}/infer"
COLUMNS = [("distance", "number", True), ("temperature", "number", False)]


@pytest.fixture(scope="module")
def server(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server of version 1, which answers by ONNX Runtime."""
    with a_server(versions / "1", tmp_path_factory.mktemp("server") / "log") as running:
        yield running


@pytest.fixture(scope="module")
def pipeline_server(versions: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Process]:
    """A server of version 4, which answers by its pipeline."""
    log = tmp_path_factory.mktemp("pipeline") / "log"
    with a_server(versions / "4", log, version=4) as running:
        yield running


def post(server: Process, body: object, path: str = INFER) -> httpx.Response:
    """The answer to a request."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return httpx.post(server.url + path, content=content, timeout=60)


def test_answers_of_a_pipeline_are_the_offline_predictions(
    pipeline_server: Process, versions: Path
) -> None:
    """Scores over HTTP equal what the package predicts, nulls included, bit by bit."""
    rows = flights(60, seed=5)
    reply = post(pipeline_server, {**request_of(rows), "id": "mine"})
    assert reply.status_code == 200
    answer = reply.json()
    assert answer["id"] == "mine"
    assert answer["model_version"] == reply.headers["x-slipway-version"] == "4"
    [score] = answer["outputs"]
    assert (score["name"], score["datatype"], score["shape"]) == ("score", "FP64", [60])
    assert score["data"] == offline(versions / "4", rows)


@pytest.mark.parametrize("rows", [1, 60, 2000])
def test_answers_of_the_onnx_form_are_as_close_as_its_parity_gate_asks(
    server: Process, versions: Path, rows: int
) -> None:
    """Few rows, answered on the event loop, and many, answered in a thread, are the same."""
    asked = flights(rows, seed=5)
    [score] = post(server, request_of(asked)).json()["outputs"]
    assert score["data"] == pytest.approx(offline(versions / "1", asked), rel=1e-6, abs=1e-6)


def test_metadata_says_what_a_request_holds(server: Process) -> None:
    """V2 metadata lists the model's inputs, and the key and event time that are only logged."""
    about = server.get(f"/v2/models/{MODEL}").json()
    names = {item["name"]: item["parameters"].get("role") for item in about["inputs"]}
    assert names == {
        "distance": None,
        "temperature": None,
        "carrier": None,
        "origin": None,
        "flight_id": "key",
        "scheduled_departure": "event_time",
    }
    assert server.get("/v2").json()["name"] == "slipway"
    assert server.get("/v2/health/live").is_success
    assert server.get(f"/v2/models/{MODEL}/versions/1/ready").is_success


@pytest.mark.parametrize(
    "path", ["/v2/models/other/infer", f"/v2/models/{MODEL}/versions/2/infer", "/nothing"]
)
def test_another_model_or_version_is_not_here(server: Process, path: str) -> None:
    """A server knows its own version and no other."""
    assert post(server, request_of(flights(1)), path).status_code == 404


@pytest.mark.parametrize("name", sorted(bad_inputs(request_of(flights(1)), COLUMNS)))
def test_every_bad_input_of_verify_is_refused(server: Process, name: str) -> None:
    """What verify sends as wrong is a client's mistake, said without its values."""
    body = bad_inputs(request_of(flights(1)), COLUMNS)[name]
    reply = post(server, body)
    assert reply.status_code in {400, 422}
    assert reply.json()["error"]


def test_a_body_that_is_too_large_is_refused(server: Process) -> None:
    """More bytes than are answered at once are a 413, and the connection survives it."""
    with httpx.Client(base_url=server.url, timeout=60) as client:
        assert client.post(INFER, content=b" " * (17 << 20)).status_code == 413
        assert client.post(INFER, json=request_of(flights(1))).status_code == 200


def test_a_batch_that_is_too_large_is_refused(server: Process) -> None:
    """More rows than are answered at once are a 413."""
    many = request_of(flights(1))
    for tensor in many["inputs"]:
        tensor["data"] *= 20_001
        tensor["shape"] = [20_001]
    assert post(server, many).status_code == 413


def test_a_tampered_version_is_live_but_never_ready(versions: Path, tmp_path: Path) -> None:
    """A changed byte in the artifact keeps the server from answering, and it says why."""
    with a_server(versions / "3", tmp_path / "log") as server:
        assert server.get("/v2/health/live").is_success
        ready = server.get("/v2/health/ready")
        assert ready.status_code == 503
        assert "Tampered" in ready.json()["error"]
        assert post(server, request_of(flights(1))).status_code == 503


def test_sigterm_answers_what_was_begun_and_ends_well(versions: Path, tmp_path: Path) -> None:
    """A stopped server finishes, leaves its log to the shipper and exits with 0.

    The platform's own probes are kept apart from what clients asked.
    """
    log, root = tmp_path / "log", str(tmp_path / "store")
    with a_server(versions / "1", log) as server:
        assert post(server, request_of(flights(2), probe=True)).status_code == 200
        with Asker(server.url + INFER, request_of(flights(3))) as asker:
            asker.wait_for(20)
            assert server.stop() == 0
        answered = dict(asker.answered)
    ship_segments(open_store(root), log)
    rows = logged(root)
    assert set(answered) <= set(rows["request_id"])
    assert len(logged(root, folder="probes")) == 2
    assert not list(log.rglob("*.wal"))


def test_kill_loses_no_acknowledged_answer(versions: Path, tmp_path: Path) -> None:
    """After kill -9 under requests, every answered id is in the log, each row once."""
    log, root = tmp_path / "log", str(tmp_path / "store")
    with a_server(versions / "1", log) as server:
        with Asker(server.url + INFER, request_of(flights(3))) as asker:
            asker.wait_for(50)
            server.kill()
        answered = dict(asker.answered)
    ship_segments(open_store(root), log)
    rows = logged(root)
    assert set(answered) <= set(rows["request_id"])
    assert not rows.duplicated(["request_id", "row"]).any()


def test_a_server_ends_when_its_parent_is_killed(versions: Path, tmp_path: Path) -> None:
    """A closed lifeline drains the server: no orphan survives its platform."""
    port = free_port()
    serve = (
        "from pathlib import Path; from slipway.serving.server import serve; "
        f"serve({MODEL!r}, version=1, folder=Path({str(versions / '1')!r}), "
        f"log_folder=Path({str(tmp_path / 'log')!r}), port={port}, lifeline=0)"
    )
    parent_code = (
        "import subprocess, sys, time\n"
        f"child = subprocess.Popen([sys.executable, '-c', {serve!r}], stdin=subprocess.PIPE)\n"
        "print(child.pid, flush=True)\n"
        "time.sleep(600)"
    )
    parent = subprocess.Popen(
        [
            sys.executable,
            "-c",
            parent_code,
        ],
        stdout=subprocess.PIPE,
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    url = f"http://127.0.0.1:{port}/v2/health/live"
    until(lambda: httpx.get(url).is_success, "the server is live")
    parent.send_signal(signal.SIGKILL)
    parent.wait()
    parent.stdout.close()
    until(lambda: not _is_running(child), "the orphan has ended")


def _is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    return state != "Z"
