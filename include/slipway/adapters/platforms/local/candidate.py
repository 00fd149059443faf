"""Local candidate: a server of one version without traffic, in a child process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import httpx

from slipway.adapters.platforms.v2_replies import parse_answer, wait_until
from slipway.errors import PlatformUnavailable, RolloutRefused
from slipway.stages.rollout.platform import Payload, Prediction, resident_mib

BOOT_SECONDS = 120.0


@contextmanager
def boot(
    model: str, *, version: int, folder: Path, pii_key_file: Path | None, trusted_keys: Path | None
) -> Iterator[Candidate]:
    """Start a server of a version's folder on a free port, and stop it at the end.

    Its log goes into a temporary folder. It listens on loopback only, without tokens or TLS.

    Args:
        model: Name of the model.
        version: Its version.
        folder: The version's folder.
        pii_key_file: Key of hashed personal columns.
        trusted_keys: Public keys, by one of which the version has to be signed; None: by none.

    Raises:
        RolloutRefused: It does not become ready.
    """
    with tempfile.TemporaryDirectory(prefix="slipway-verify-") as name:
        scratch = Path(name)
        began = time.monotonic()
        with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
            call = _call(
                model,
                version=version,
                folder=folder,
                log_folder=scratch,
                options=f"Options({pii_key_file=!r}, {trusted_keys=!r})",
                listen=listener.fileno(),
                parent_pipe=0,
            )
            process = _start(call, listener.fileno(), output=scratch / "output.log")
            port = listener.getsockname()[1]
        try:
            url = f"http://127.0.0.1:{port}"
            with closing(Candidate(url, model, version, process.pid)) as candidate:
                candidate.cold_start_s = _ready_after(candidate, process, began, scratch)
                yield candidate
        finally:
            _end(process)


class Candidate:
    """Fulfils `stages.rollout.platform.Candidate`: a server in a child process.

    Attributes:
        cold_start_s: Seconds from starting its process until it was ready.
    """

    def __init__(self, url: str, model: str, version: int, pid: int) -> None:
        self.cold_start_s = 0.0
        self._pid = pid
        self._infer = f"{url}/v2/models/{model}/versions/{version}/infer"
        self._ready = f"{url}/v2/health/ready"
        self._client = httpx.Client(timeout=60, trust_env=False)

    @property
    def resident_mib(self) -> float:
        """Resident memory of its process, in MiB."""
        return resident_mib(self._pid)

    def infer(self, payload: Payload) -> Prediction:
        """Send a request.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """
        return parse_answer(self._post(json=payload), self._infer)

    def refuses(self, body: bytes) -> bool:
        """Whether it refuses a body as the client's mistake (4xx)."""
        return self._post(content=body).is_client_error

    def problem(self) -> tuple[str | None, bool]:
        """Reason why it is not ready, or None; and whether it may still become ready."""
        try:
            reply = self._client.get(self._ready, timeout=5)
        except httpx.TransportError:
            return "it does not answer", True
        if reply.is_success:
            return None, False
        body = reply.json()
        return str(body.get("error")), bool(body.get("loading"))

    def close(self) -> None:
        """Close the connections to it."""
        self._client.close()

    def _post(self, **body: Any) -> httpx.Response:
        try:
            return self._client.post(self._infer, **body)
        except httpx.HTTPError as error:
            raise PlatformUnavailable(
                "the candidate does not answer", found=type(error).__name__
            ) from error


def _call(model: str, *, options: str, **named: Any) -> str:
    arguments = "".join(f", {name}={value!r}" for name, value in named.items())
    return (
        "from pathlib import PosixPath; from slipway.serving.server_options import Options; "
        "from slipway.serving.model_server.server import serve; "
        f"serve({model!r}, options={options}{arguments})"
    )


def _start(call: str, listener: int, *, output: Path) -> subprocess.Popen[bytes]:
    # Standard input is the pipe by which the server detects that this process has ended.
    with output.open("wb") as file:
        return subprocess.Popen(
            [sys.executable, "-c", call],
            stdin=subprocess.PIPE,
            stdout=file,
            stderr=file,
            pass_fds=(listener,),
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )


def _ready_after(
    candidate: Candidate, process: subprocess.Popen[bytes], began: float, scratch: Path
) -> float:
    problem: list[str | None] = [None]

    def settled() -> bool:
        problem[0], may_pass = candidate.problem()
        return not may_pass or process.poll() is not None

    if wait_until(settled, BOOT_SECONDS) and problem[0] is None:
        return time.monotonic() - began
    output = (scratch / "output.log").read_text(errors="replace").strip().splitlines()
    raise RolloutRefused(
        "the candidate's server does not become ready",
        found=problem[0],
        hint=output[-1] if output else None,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()
