"""A batch candidate: one version in a child process, which gets no scoring run's rows.

The child's side is `candidate_process.py`.
"""

from __future__ import annotations

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import IO, Any, cast

from slipway.errors import BadRequest, PlatformUnavailable, RolloutRefused
from slipway.stages.rollout.platform import Payload, Prediction, resident_mib

BOOT_SECONDS = 120.0
ANSWER_SECONDS = 60.0


@contextmanager
def boot(command: Sequence[str], model: str, version: int) -> Iterator[Candidate]:
    """Start a candidate, and kill it at the end.

    Args:
        command: Starts a process that answers requests, as `answer_requests` does.
        model: Name of the model.
        version: Its version.

    Raises:
        RolloutRefused: It does not become ready.
    """
    began = time.monotonic()
    # Its standard error is this process's: it goes into the log of the task.
    with subprocess.Popen(
        list(command),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
    ) as process:
        candidate = Candidate(process, version)
        try:
            problem = candidate.wait_until_ready()
            if problem is not None:
                message = f"the candidate of {model} does not become ready"
                raise RolloutRefused(message, found=problem)
            candidate.cold_start_s = time.monotonic() - began
            yield candidate
        finally:
            process.kill()


class Candidate:
    """Fulfils `stages.rollout.platform.Candidate`: a version in a child process.

    Attributes:
        cold_start_s: Seconds from starting its process until it was ready.
    """

    def __init__(self, process: subprocess.Popen[bytes], version: int) -> None:
        self.cold_start_s = 0.0
        self._process = process
        self._requests = cast(IO[bytes], process.stdin)
        self._replies = cast(IO[bytes], process.stdout)
        self._version = version

    @property
    def resident_mib(self) -> float:
        """Resident memory of its process, in MiB."""
        return resident_mib(self._process.pid)

    def infer(self, payload: Payload) -> Prediction:
        """The scores of a request's rows.

        Raises:
            BadRequest: The candidate refused the request.
            PlatformUnavailable: The candidate did not answer.
        """
        reply = self._request(json.dumps(payload).encode())
        if "refused" in reply:
            raise BadRequest("the request was refused", found=reply["refused"])
        return Prediction(self._version, tuple(reply["scores"]))

    def refuses(self, body: bytes) -> bool:
        """Whether the candidate refuses a body as the client's mistake."""
        return "refused" in self._request(body)

    def wait_until_ready(self) -> str | None:
        """Wait for the candidate; returns why it does not become ready, or None."""
        try:
            reply = self._read_reply(BOOT_SECONDS)
        except PlatformUnavailable as error:
            return error.found
        return reply.get("problem")

    def _request(self, body: bytes) -> dict[str, Any]:
        try:
            self._requests.write(b"%d\n%s" % (len(body), body))
            self._requests.flush()
        except OSError as error:
            raise PlatformUnavailable("the candidate has ended", found=str(error)) from error
        return self._read_reply(ANSWER_SECONDS)

    def _read_reply(self, seconds: float) -> dict[str, Any]:
        ready, _, _ = select.select([self._replies], [], [], seconds)
        line = self._replies.readline() if ready else b""
        if not line:
            found = f"no reply in {seconds:.0f} s" if not ready else "its process ended"
            raise PlatformUnavailable("the candidate does not answer", found=found)
        reply: dict[str, Any] = json.loads(line)
        return reply
