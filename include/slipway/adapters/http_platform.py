"""httpx: the local serving platform, asked through its front door.

What should be served goes through the store, where it is fenced; what is served is read back
over HTTP. A candidate that is verified runs as a process of its own, beside the platform.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from http import HTTPStatus
from pathlib import Path
from typing import Any

import httpx

from slipway.errors import BadRequest, NotFound, PlatformUnavailable, RolloutRefused
from slipway.records.desired import desire
from slipway.records.store import Store
from slipway.stages.rollout import Answer, Payload, Served

OBSERVED_WITHIN_SECONDS = 120.0
BOOT_SECONDS = 120.0
POLL_SECONDS = 0.05


class LocalPlatform:
    """Fulfils `stages.rollout.Platform`.

    Args:
        url: Front door of the platform process.
        store: Where it reads what should be served.
        observed_within_seconds: How long `apply` waits for the platform to follow.
    """

    def __init__(
        self, url: str, store: Store, *, observed_within_seconds: float = OBSERVED_WITHIN_SECONDS
    ) -> None:
        self._url = url.rstrip("/")
        self._store = store
        self._observed_within_seconds = observed_within_seconds

    def served(self, model: str) -> Served | None:
        """What is really served, or None when the platform was never asked to serve the model."""
        status = self._status(model)
        if status is None:
            return None
        ready = {int(version): bool(it["ready"]) for version, it in status["servers"].items()}
        return Served(
            weights={int(version): share for version, share in status["weights"].items()},
            healthy=ready,
            keep=tuple(status["keep"]),
            token=status["token"],
        )

    def apply(
        self, model: str, *, weights: Mapping[int, float], keep: Sequence[int], token: int
    ) -> None:
        """Change the traffic, and wait until the platform serves so.

        Raises:
            Superseded: A rollout with a newer token changed it meanwhile.
            PlatformUnavailable: The platform did not follow in time.
        """
        state = desire(self._store, model, weights=weights, keep=keep, token=token)

        def observed() -> bool:
            status = self._status(model)
            return bool(status and status["generation"] >= state.generation and status["settled"])

        if not _wait(observed, self._observed_within_seconds):
            raise PlatformUnavailable(
                f"the platform does not serve {model} as it was asked to",
                expected=f"generation {state.generation} within {self._observed_within_seconds} s",
                found=self._trouble(model),
                where=self._url,
                hint="look at the output of its server, in the scratch folder",
            )

    def ask(self, model: str, payload: Payload, *, version: int | None = None) -> Answer:
        """The answer of whoever serves now, or of one version.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """
        pinned = "" if version is None else f"/versions/{version}"
        url = f"{self._url}/v2/models/{model}{pinned}/infer"
        try:
            reply = httpx.post(url, json=payload, timeout=90, trust_env=False)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        return _answer(reply, url)

    @contextmanager
    def boot(self, model: str, *, version: int, folder: Path) -> Iterator[Candidate]:
        """A real server of a version, on a port of its own, whose log is thrown away.

        Raises:
            RolloutRefused: It does not become ready.
        """
        with tempfile.TemporaryDirectory(prefix="slipway-verify-") as scratch:
            began = time.monotonic()
            with socket.create_server(("127.0.0.1", 0), backlog=128) as listener:
                process = _start(
                    model, version=version, folder=folder, scratch=Path(scratch), listener=listener
                )
                port = listener.getsockname()[1]
            try:
                url = f"http://127.0.0.1:{port}"
                with closing(Candidate(url, model, version, process.pid)) as candidate:
                    candidate.cold_start_s = _ready_after(candidate, process, began, Path(scratch))
                    yield candidate
            finally:
                _end(process)

    def _status(self, model: str) -> dict[str, Any] | None:
        try:
            reply = httpx.get(f"{self._url}/platform/models/{model}", timeout=10, trust_env=False)
        except httpx.HTTPError as error:
            raise self._unavailable(error) from error
        if reply.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not reply.is_success:
            raise self._unavailable(None, found=reply.json().get("error"))
        status: dict[str, Any] = reply.json()
        return status

    def _trouble(self, model: str) -> str:
        status = self._status(model)
        if status is None:
            return "it does not know the model yet"
        servers = status["servers"].items()
        said = [f"v{number}: {it['problem']}" for number, it in servers if it["problem"]]
        return f"generation {status['generation']}; {'; '.join(said) or 'servers are ready'}"

    def _unavailable(
        self, error: Exception | None, *, found: str | None = None
    ) -> PlatformUnavailable:
        return PlatformUnavailable(
            "the serving platform does not answer",
            found=found or (type(error).__name__ if error else None),
            where=self._url,
            hint="is `slipway platform` running?",
        )


class Candidate:
    """Fulfils `stages.rollout.Candidate`: a booted server that gets no traffic.

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
        """Memory that its process holds, in MiB."""
        for line in Path(f"/proc/{self._pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) / 1024
        return 0.0

    def infer(self, payload: Payload) -> Answer:
        """Its answer.

        Raises:
            BadRequest: The request was refused.
            PlatformUnavailable: There was no answer.
        """
        return _answer(self._post(json=payload), self._infer)

    def refuses(self, body: bytes) -> bool:
        """Whether a body is refused as the client's mistake (4xx)."""
        return self._post(content=body).is_client_error

    def trouble(self) -> tuple[str | None, bool]:
        """Why it is not ready, None when it is; and whether that may pass by itself."""
        try:
            reply = self._client.get(self._ready, timeout=5)
        except httpx.TransportError:
            return "it does not answer", True
        if reply.is_success:
            return None, False
        about = reply.json()
        return str(about.get("error")), bool(about.get("loading"))

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


def _answer(reply: httpx.Response, url: str) -> Answer:
    if reply.is_client_error:
        kind = NotFound if reply.status_code == HTTPStatus.NOT_FOUND else BadRequest
        raise kind("the request was refused", found=reply.json().get("error"), where=url)
    if not reply.is_success:
        raise PlatformUnavailable(
            "the request was not answered", found=reply.json().get("error"), where=url
        )
    value = reply.json()
    return Answer(int(value["model_version"]), tuple(value["outputs"][0]["data"]))


def _start(
    model: str, *, version: int, folder: Path, scratch: Path, listener: socket.socket
) -> subprocess.Popen[bytes]:
    # The lifeline is this process's end of the server's standard input.
    call = (
        "from pathlib import Path; from slipway.serving.server import serve; "
        f"serve({model!r}, version={version}, folder=Path({str(folder)!r}), "
        f"log_folder=Path({str(scratch)!r}), listen={listener.fileno()}, lifeline=0)"
    )
    with (scratch / "output.log").open("wb") as output:
        return subprocess.Popen(
            [sys.executable, "-c", call],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            pass_fds=(listener.fileno(),),
            env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
        )


def _ready_after(
    candidate: Candidate, process: subprocess.Popen[bytes], began: float, scratch: Path
) -> float:
    trouble: list[str | None] = [None]

    def settled() -> bool:
        trouble[0], passing = candidate.trouble()
        return not passing or process.poll() is not None

    if _wait(settled, BOOT_SECONDS) and trouble[0] is None:
        return time.monotonic() - began
    output = (scratch / "output.log").read_text(errors="replace").strip().splitlines()
    raise RolloutRefused(
        "the candidate's server does not become ready",
        found=trouble[0],
        hint=output[-1] if output else None,
    )


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.communicate(timeout=20)
    except subprocess.TimeoutExpired:
        process.kill()
        process.communicate()


def _wait(condition: Callable[[], bool], within_seconds: float) -> bool:
    deadline = time.monotonic() + within_seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
