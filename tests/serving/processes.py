"""Real processes: model server, shipper and platform."""

from __future__ import annotations

import contextlib
import signal
import socket
import ssl
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from slipway.serving.server_options import Options
from tests.serving.model_versions import MODEL

OPTIONS = Options(roll_seconds=0.2, min_free_bytes=0)
WITHIN_S = 90
NO_AUTHORITIES = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For URLs without TLS: to read the machine's authorities takes 20 ms for each request."""


def until(condition: Callable[[], Any], what: str, *, within_s: float = WITHIN_S) -> Any:
    """The first truthy value of a condition; fails the test after a deadline."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        with contextlib.suppress(httpx.TransportError):
            value = condition()
            if value:
                return value
        time.sleep(0.02)
    raise AssertionError(f"waited {within_s} s in vain until {what}")


@dataclass
class Process:
    """A running process and its URL."""

    process: subprocess.Popen[bytes]
    url: str
    output: Path
    trust: ssl.SSLContext = NO_AUTHORITIES

    def kill(self) -> None:
        """Send SIGKILL and wait for the end."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Send SIGTERM; the exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(WITHIN_S)

    def get(self, path: str) -> httpx.Response:
        """The answer to a GET."""
        return self.ask("GET", path)

    def ask(self, method: str, path: str, **named: Any) -> httpx.Response:
        """The answer to a request."""
        more = {"timeout": 30, **named}
        return httpx.request(method, self.url + path, verify=self.trust, **more)


@contextlib.contextmanager
def running(code: str, *, output: Path, port: int) -> Iterator[Process]:
    """A process that runs Python code, killed at the end."""
    with output.open("ab") as file:
        process = subprocess.Popen([sys.executable, "-c", code], stdout=file, stderr=file)
    try:
        yield Process(process, f"http://127.0.0.1:{port}", output)
    finally:
        process.kill()
        process.wait()


def free_port() -> int:
    """A free loopback port."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def serve_code(folder: Path, log_folder: Path, *, version: int = 1, **named: Any) -> str:
    """Python code that serves a version."""
    words = "".join(f", {name}={value!r}" for name, value in named.items())
    return (
        "from pathlib import PosixPath; from slipway.serving.server_options import Options; "
        "from slipway.serving.model_server.server import serve; "
        f"serve({MODEL!r}, version={version}, folder={folder!r}, log_folder={log_folder!r}{words})"
    )


@contextlib.contextmanager
def running_server(
    folder: Path, log_folder: Path, *, version: int = 1, options: Options = OPTIONS
) -> Iterator[Process]:
    """A model server that is ready or reports why not."""
    port = free_port()
    code = serve_code(folder, log_folder, version=version, options=options, port=port)
    with running(code, output=log_folder.parent / "server.out", port=port) as server:
        until(
            lambda: not server.get("/v2/health/ready").json().get("loading", False),
            "the server has loaded its model",
        )
        yield server


@contextlib.contextmanager
def running_shipper(store_root: str, log_folder: Path) -> Iterator[Process]:
    """A running shipper."""
    code = (
        "from pathlib import Path; from slipway.serving.prediction_log.shipper import ship; "
        f"ship(store_root={store_root!r}, log_folder=Path({str(log_folder)!r}), poll_seconds=0.05)"
    )
    with running(code, output=log_folder.parent / "shipper.out", port=0) as shipper:
        yield shipper


@contextlib.contextmanager
def running_platform(
    store_root: str,
    versions: Path,
    scratch: Path,
    *,
    port: int | None = None,
    options: Options = OPTIONS,
    ca: Path | None = None,
    mlflow: str | None = None,
) -> Iterator[Process]:
    """The local platform, live; over TLS if an authority is given.

    Its versions are those of an MLflow server, or the folders in `versions`.
    """
    port = port or free_port()
    source = f"MlflowRegistry({mlflow!r})" if mlflow else f"FolderVersions({versions!r})"
    code = (
        "from pathlib import Path, PosixPath; "
        "from slipway.adapters.object_store import open_store; "
        "from slipway.serving.server_options import Options; "
        "from slipway.serving.platform.platform import run; "
        "from slipway.adapters.mlflow_server import MlflowRegistry; "
        "from tests.fakes.versions import FolderVersions; "
        f"run(store=open_store({store_root!r}), versions={source}, "
        f"scratch=Path({str(scratch)!r}), port={port}, poll_seconds=0.05, options={options!r})"
    )
    with running(code, output=scratch.parent / "platform.out", port=port) as platform:
        if ca is not None:
            platform.url = platform.url.replace("http:", "https:")
            platform.trust = ssl.create_default_context(cafile=ca)
        try:
            until(lambda: platform.get("/v2/health/live").is_success, "the platform is live")
            yield platform
        finally:
            if platform.process.poll() is None:
                platform.stop()
