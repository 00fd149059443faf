"""Processes as PID 1 of a pod's containers, and the order in which they end."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import httpx
import pytest

from slipway.adapters.platforms.cluster.manifests.server_pod import DRAIN_SECONDS
from slipway.serving.http.drain import ACCEPTED_SECONDS
from slipway.serving.http.server import DRAIN_SECONDS as ANSWERING_SECONDS
from tests.serving.model_versions import MODEL, flights, request_of
from tests.serving.prediction_log import record as a_record
from tests.serving.prediction_log import segments, shipped_rows, write_ahead
from tests.serving.processes import Process, free_port, until

SLIPWAY = [sys.executable, "-m", "slipway.cli"]
FIRST = ["unshare", "--pid", "--fork", "--kill-child"]


@contextmanager
def a_container(
    scratch: Path, *words: str, first: bool = False, **settings: str
) -> Iterator[Process]:
    """A command with a pod's volumes, as PID 1 of its own namespace if requested."""
    environ = {**os.environ, "SLIPWAY_SCRATCH": str(scratch), "SLIPWAY_LOG_MIN_FREE_MIB": "0"}
    environ |= {f"SLIPWAY_{name.upper()}": value for name, value in settings.items()}
    output = scratch / f"{words[0]}.out"
    command = [*(FIRST if first else []), *SLIPWAY, *words]
    with output.open("ab") as file:
        process = subprocess.Popen(command, cwd=scratch, env=environ, stdout=file, stderr=file)
    port = words[words.index("--port") + 1] if "--port" in words else "0"
    try:
        yield Process(process, f"http://127.0.0.1:{port}", output)
    finally:
        process.kill()
        process.wait()


@contextmanager
def a_server(scratch: Path, folder: Path, *, first: bool = False) -> Iterator[Process]:
    """The server's container."""
    place = ["--folder", str(folder), "--port", str(free_port())]
    with a_container(scratch, "serve", MODEL, "--version", "1", *place, first=first) as server:
        yield server


@contextmanager
def a_shipper(scratch: Path, store: Path, *, patience: float) -> Iterator[Process]:
    """The shipper's container."""
    words = ["ship", "--patience", str(patience)]
    with a_container(scratch, *words, store=str(store)) as shipper:
        yield shipper


def ask(server: Process, rows: int) -> None:
    """Send a request to a ready server."""
    until(lambda: server.get("/v2/health/ready").is_success, "the server is ready")
    asked = f"{server.url}/v2/models/{MODEL}/infer"
    assert httpx.post(asked, json=request_of(flights(rows)), timeout=60).is_success


def is_listening_for_sigterm(process: Process) -> bool:
    """Whether the innermost process handles SIGTERM."""
    pid = innermost(process.process.pid)
    caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    is_python = b"slipway" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"unshare")[-1]
    return is_python and bool(int(caught, 16) >> (signal.SIGTERM - 1) & 1)


def innermost(pid: int) -> int:
    """The child of a process, or the process itself."""
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return int(children[0]) if children else pid


def end_of(process: Process) -> int:
    """Exit code after SIGTERM to PID 1 of its namespace."""
    os.kill(innermost(process.process.pid), signal.SIGTERM)
    return process.process.wait(60)


@pytest.fixture
def can_be_first() -> None:
    """Skip where a process may not create a namespace."""
    tried = subprocess.run([*FIRST, "true"], capture_output=True, check=False)
    if tried.returncode:
        pytest.skip("this machine does not let a test begin a process namespace")


def test_the_shipper_takes_what_the_server_left(versions: Path, tmp_path: Path) -> None:
    """A segment that the server closes at its end is in the store after the shipper's end."""
    store = tmp_path / "store"
    with (
        a_server(tmp_path, versions / "1") as server,
        a_shipper(tmp_path, store, patience=30) as it,
    ):
        ask(server, 3)
        assert server.stop() == 0
        assert it.stop() == 0
    assert len(shipped_rows(str(store))) == 3
    assert not segments(tmp_path)


def test_a_shipper_that_is_told_first_waits_for_the_server(versions: Path, tmp_path: Path) -> None:
    """Nothing is lost where both get SIGTERM at once."""
    store = tmp_path / "store"
    with (
        a_server(tmp_path, versions / "1") as server,
        a_shipper(tmp_path, store, patience=60) as it,
    ):
        ask(server, 3)
        until(lambda: is_listening_for_sigterm(it), "the shipper runs")
        it.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        assert it.process.poll() is None
        assert server.stop() == 0
        assert it.process.wait(30) == 0
    assert len(shipped_rows(str(store))) == 3


def test_a_shipper_that_is_to_end_waits_for_its_store(tmp_path: Path) -> None:
    """It retries until its deadline."""
    store = tmp_path / "store"
    store.touch()
    with write_ahead(tmp_path / "log") as log:
        log.append(a_record(1))
    with a_shipper(tmp_path, store, patience=60) as it:
        until(lambda: "next try" in it.output.read_text(), "it has tried in vain")
        it.process.send_signal(signal.SIGTERM)
        time.sleep(1)
        store.unlink()
        assert it.process.wait(30) == 0
    assert len(shipped_rows(str(store))) == 1


def test_a_shipper_without_patience_says_what_it_leaves(tmp_path: Path) -> None:
    """The log names the segments that are left on a disk that stays."""
    store = tmp_path / "store"
    store.touch()
    with write_ahead(tmp_path / "log") as log:
        log.append(a_record(1))
    with a_shipper(tmp_path, store, patience=0) as it:
        until(lambda: "next try" in it.output.read_text(), "it has tried in vain")
        assert it.stop() == 0
        assert "1 segments are left" in it.output.read_text()
    assert len(segments(tmp_path)) == 1


@pytest.mark.usefixtures("can_be_first")
def test_the_first_process_of_a_container_ends_when_told(versions: Path, tmp_path: Path) -> None:
    """A ready server drains and exits with 0; the kernel gives PID 1 no default handler."""
    with a_server(tmp_path, versions / "1", first=True) as server:
        ask(server, 1)
        assert end_of(server) == 0


@pytest.mark.usefixtures("can_be_first")
@pytest.mark.parametrize(
    ("words", "code"),
    [
        (["serve", MODEL, "--version", "1", "--folder", ".", "--port", "0"], {143, 0}),
        (["download", MODEL, "--version", "1", "--into", "never"], {143}),
        (["ship", "--patience", "30"], {0}),
    ],
    ids=["serve", "download", "ship"],
)
def test_a_first_process_can_be_ended_while_it_starts(
    tmp_path: Path, words: list[str], code: set[int]
) -> None:
    """It ends before the grace period does; the shipper ships first."""
    with ExitStack() as stack:
        silent = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
        mlflow = f"http://127.0.0.1:{silent.getsockname()[1]}"
        settings = {"mlflow": mlflow, "store": str(tmp_path / "store")}
        container = a_container(tmp_path, *words, first=True, **settings)
        process = stack.enter_context(container)
        until(lambda: is_listening_for_sigterm(process), "it can be told")
        assert end_of(process) in code
    assert not (tmp_path / "never").exists()


def test_the_pod_gives_the_server_time_to_answer_what_was_begun() -> None:
    """The manifests' grace period covers the server's drain."""
    assert DRAIN_SECONDS >= ANSWERING_SECONDS + ACCEPTED_SECONDS
