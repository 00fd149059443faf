"""The end of a model server: by SIGTERM, by SIGKILL, and by the loss of its parent."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx

from slipway.adapters.object_store import open_store
from slipway.serving.prediction_log.shipper import ship_segments
from tests.serving.background_client import BackgroundClient
from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.prediction_log import shipped_rows
from tests.serving.processes import Process, free_port, running_server, until

INFER = f"/v2/models/{MODEL}/infer"


def post(server: Process, body: object) -> httpx.Response:
    """The answer to a request."""
    return server.ask("POST", INFER, json=body, timeout=60)


def test_a_server_that_stops_is_ready_no_more_and_answers_what_was_begun(
    versions: Path, tmp_path: Path
) -> None:
    """Readiness ends with the signal; a request that was half sent is still answered."""
    body = json.dumps(request_of(flights(1))).encode()
    head = (
        f"POST {INFER} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {len(body)}\r\n\r\n".encode()
    )
    with (
        running_server(versions / "1", tmp_path / "log") as server,
        httpx.Client(base_url=server.url, timeout=30) as other,
    ):
        assert other.get("/v2/health/ready").is_success
        port = int(server.url.rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", port), timeout=30) as begun:
            begun.sendall(head + body[:100])
            until(lambda: other.get("/v2/health/live").is_success, "the half is there")
            server.process.send_signal(signal.SIGTERM)
            time.sleep(0.05)
            ready = other.get("/v2/health/ready")
            assert (ready.status_code, ready.json()["error"]) == (503, "the server is stopping")
            # Leave it time to close idle connections.
            time.sleep(0.4)
            begun.sendall(body[100:])
            reply = begun.makefile("rb").read()
        assert reply.startswith(b"HTTP/1.1 200 ")
        assert b"\r\nconnection: close\r\n" in reply
        assert server.process.wait(30) == 0


def test_sigterm_answers_what_was_begun_and_ends_well(versions: Path, tmp_path: Path) -> None:
    """A stopped server finishes its requests, leaves its log to the shipper and exits with 0.

    The platform's probes are logged apart from clients' requests.
    """
    log, root = tmp_path / "log", str(tmp_path / "store")
    with running_server(versions / "1", log) as server:
        assert post(server, request_of(flights(2), probe=True)).status_code == 200
        with BackgroundClient(server.url + INFER, request_of(flights(3))) as background:
            background.wait_for(20)
            assert server.stop() == 0
        answered = dict(background.answered)
    ship_segments(open_store(root), log)
    rows = shipped_rows(root)
    assert set(answered) <= set(rows["request_id"])
    assert len(shipped_rows(root, folder="probes")) == 2
    assert not list(log.rglob("*.wal"))


def test_kill_loses_no_acknowledged_answer(versions: Path, tmp_path: Path) -> None:
    """After SIGKILL under load every answered id is in the log, each row once."""
    log, root = tmp_path / "log", str(tmp_path / "store")
    with running_server(versions / "1", log) as server:
        with BackgroundClient(server.url + INFER, request_of(flights(3))) as background:
            background.wait_for(50)
            server.kill()
        answered = dict(background.answered)
    ship_segments(open_store(root), log)
    rows = shipped_rows(root)
    assert set(answered) <= set(rows["request_id"])
    assert not rows.duplicated(["request_id", "row"]).any()


def test_a_server_ends_when_its_parent_is_killed(versions: Path, tmp_path: Path) -> None:
    """EOF on the parent's pipe drains the server, so that no orphan is left."""
    port = free_port()
    serve = (
        "from pathlib import Path; from slipway.serving.model_server.server import serve; "
        f"serve({MODEL!r}, version=1, folder=Path({str(versions / '1')!r}), "
        f"log_folder=Path({str(tmp_path / 'log')!r}), port={port}, parent_pipe=0)"
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
