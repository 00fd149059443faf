"""The server of one model version as a supervised process: download, start, probe, drain."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from typing import Any

from slipway.serving.http.server import DRAIN_SECONDS, bind
from slipway.serving.http.upstream import BrokenOff, Headers, Reply, Upstream
from slipway.serving.platform.supervisor.downloads import Download
from slipway.serving.platform.supervisor.supervised_process import (
    ProcessContext,
    SupervisedProcess,
    python_call,
)
from slipway.serving.platform.supervisor.watchdog import Watchdog

PROBE_SECONDS = 2.0
READY_PATH = "/v2/health/ready"

logger = logging.getLogger(__name__)


class ServerProcess(SupervisedProcess):
    """One model version's server process.

    Args:
        model: Its name.
        version: Its version.
        sha256: Digest of the version that is meant; None: not known yet.
        fetch: Downloads the version with a digest; None: any.
        changed: Called whenever `ready` changes.
        context: What all processes of the platform share.

    Attributes:
        ready: Whether it can answer requests.
        port: Loopback port on which it listens.
    """

    def __init__(
        self,
        model: str,
        version: int,
        *,
        sha256: str | None = None,
        fetch: Callable[[str | None], Awaitable[Download]],
        changed: Callable[[], None],
        context: ProcessContext,
    ) -> None:
        super().__init__(f"{model}-v{version}", context=context)
        self.model = model
        self.version = version
        self.ready = False
        self.port: int | None = None
        self._sha256 = sha256
        self._fetch = fetch
        self._changed = changed
        self._download: Download | None = None
        self._upstream: Upstream | None = None
        self._in_flight = 0
        self._was_ready = False
        self._look_now = asyncio.Event()

    @property
    def digest(self) -> str | None:
        """Digest of the version that it serves; None while that is not known."""
        return self._download.digest if self._download else self._sha256

    @property
    def key_columns(self) -> tuple[str, ...]:
        """Columns that identify a row, once the version is downloaded."""
        return self._download.key_columns if self._download else ()

    async def ask(
        self, method: str, target: str, *, headers: Headers, body: bytes, timeout_seconds: float
    ) -> Reply | None:
        """Send a request; None if the server has not received it, and is not ready.

        Raises:
            TimeoutError: The response did not arrive in time.
            BrokenOff: The server ended the connection instead of responding, and is not ready.
        """
        upstream = self._upstream
        if upstream is None:
            return None
        self._in_flight += 1
        try:
            return await upstream.ask(
                method, target, headers=headers, body=body, timeout_seconds=timeout_seconds
            )
        except ConnectionError as error:
            # If the process was restarted meanwhile, the new one is not affected.
            if upstream is self._upstream:
                self._mark(ready=False)
                self._look_now.set()
            if isinstance(error, BrokenOff):
                raise
            return None
        finally:
            self._in_flight -= 1

    async def drain(self) -> None:
        """Wait for requests in flight, then stop the process."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + DRAIN_SECONDS
        while self._in_flight and clock() < deadline:  # noqa: ASYNC110 - rare, and short
            await asyncio.sleep(0.02)
        await self.stop()

    def status(self) -> dict[str, Any]:
        """Status for the platform's status page."""
        return {
            "pid": self.pid,
            "port": self.port,
            "digest": self.digest,
            "ready": self.ready,
            "booting": self._is_booting(),
            "problem": self.problem,
            "restarts": self.restarts,
            "last_exit": self.last_exit,
            "last_line": self.last_line,
        }

    async def _spawn(self) -> asyncio.subprocess.Process:
        # A restart does not use the registry: the download is already verified.
        if self._download is None or not self._download.folder.is_dir():
            self._download = await self._fetch(self.digest)
        # The reverse proxy terminates TLS; on loopback it would protect nothing.
        options = replace(self.context.options, tls_certificate=None, tls_key=None)
        with bind("127.0.0.1", 0) as listener:
            self.port = listener.getsockname()[1]
            self._upstream = Upstream(self.port)
            command = python_call(
                "slipway.serving.model_server.server:serve",
                self.model,
                version=self.version,
                folder=self._download.folder,
                log_folder=self.context.log_folder,
                options=options,
                listen=listener.fileno(),
                parent_pipe=self.context.parent_pipe,
            )
            return await self._execute(command, listener.fileno())

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        silent, answered, watchdog = 0, False, Watchdog(process.pid)
        while True:
            reply = await self._probe()
            if self._stopping:
                # It refuses connections while it drains, and `stop` waits for its end.
                return
            silent = 0 if reply is not None else silent + 1
            answered = answered or reply is not None
            if reply is not None or silent > 1:
                self.problem = self._problem_of(reply, answered=answered)
                self._mark(ready=self.problem is None)
            if watchdog.is_hung(is_silent=reply is None) and answered:
                logger.error("%s does not answer; killing it", self.name)
                process.kill()
            self._look_now.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), 0.5 if self.ready else 0.1)

    async def _probe(self) -> Reply | None:
        if self._upstream is None:
            return None
        try:
            bearer = b"Bearer " + self.context.probe_token.encode()
            return await self._upstream.ask(
                "GET",
                READY_PATH,
                headers=[(b"authorization", bearer)],
                timeout_seconds=PROBE_SECONDS,
            )
        except OSError:
            return None

    def _problem_of(self, reply: Reply | None, *, answered: bool) -> str | None:
        if reply is None:
            return "it does not answer" if answered else self.starting()
        return None if reply.status == HTTPStatus.OK else _error_of(reply)

    def _ended(self, code: int) -> None:
        super()._ended(code)
        if self._upstream is not None:
            self._upstream.close()
        self._mark(ready=False)

    def _is_booting(self) -> bool:
        """Whether it starts for the first time, so that nothing is known of it yet."""
        return not self._was_ready and self.last_exit is None and self.restarts == 0

    def _mark(self, *, ready: bool) -> None:
        self._was_ready = self._was_ready or ready
        if ready != self.ready:
            self.ready = ready
            self._changed()


def _error_of(reply: Reply) -> str:
    try:
        return str(json.loads(reply.body)["error"])
    except (ValueError, KeyError, TypeError):
        return "it is not ready"
