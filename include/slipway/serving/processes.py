"""Child processes of the platform: started, watched, started again, stopped once drained.

Every child inherits the read end of one pipe. When the platform dies, however it dies, the pipe
closes, and the children end by themselves.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path, PosixPath
from typing import Any

import httpx

from slipway.errors import SlipwayError
from slipway.serving.web import DRAIN_SECONDS, bind

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0
PROBE_SECONDS = 2.0
PROBES_UNTIL_HUNG = 5

logger = logging.getLogger(__name__)


def python_call(function: str, *arguments: Any, **named: Any) -> list[str]:
    """Command that calls a function, named `module:function`, in a new interpreter."""
    module, name = function.split(":")
    said = [repr(value) for value in arguments]
    said += [f"{key}={value!r}" for key, value in named.items()]
    imports = f"from pathlib import {PosixPath.__name__}; from {module} import {name}"
    return [sys.executable, "-c", f"{imports}; {name}({', '.join(said)})"]


class Child:
    """A process that is started again whenever it ends, with growing pauses.

    Args:
        name: What it is called in logs.
        logs: Folder of its output.
        lifeline: Read end of the platform's pipe.
    """

    def __init__(self, name: str, *, logs: Path, lifeline: int) -> None:
        self.name = name
        self.restarts = 0
        self.problem: str | None = "it has not been started"
        self._logs = logs
        self._lifeline = lifeline
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        """Id of the running process."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Keep it running from now on."""
        self._task = asyncio.create_task(self._keep_running(), name=self.name)

    async def stop(self) -> None:
        """End it: SIGTERM, time to drain, then SIGKILL."""
        self._stopping = True
        process = self._process
        if process is None and self._task is not None:
            self._task.cancel()
        if process is not None:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
            try:
                await asyncio.wait_for(process.wait(), DRAIN_SECONDS + 5)
            except TimeoutError:
                process.kill()
        if self._task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def _keep_running(self) -> None:
        clock = asyncio.get_running_loop().time
        pause = FIRST_PAUSE_SECONDS
        while not self._stopping:
            began = clock()
            await self._run_once()
            if clock() - began > STEADY_SECONDS:
                pause = FIRST_PAUSE_SECONDS
            if not self._stopping:
                logger.warning("%s: %s; next start in %.1f s", self.name, self.problem, pause)
                await asyncio.sleep(pause)
                pause = min(pause * 2, LONGEST_PAUSE_SECONDS)
                self.restarts += 1

    async def _run_once(self) -> None:
        try:
            process = self._process = await self._spawn()
        except (OSError, SlipwayError) as error:
            self.problem = f"it cannot be started: {error}"
            return
        if self._stopping:
            process.terminate()
        self.problem = "it is starting"
        watch = asyncio.create_task(self._watch(process))
        code = await process.wait()
        watch.cancel()
        self._process = None
        self.problem = f"it ended with {code}"
        self._ended()

    async def _spawn(self) -> asyncio.subprocess.Process:
        raise NotImplementedError

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Look after a running process; cancelled when it ends."""

    def _ended(self) -> None:
        """Take note that the process has ended."""

    async def _execute(self, command: list[str], *inherited: int) -> asyncio.subprocess.Process:
        self._logs.mkdir(parents=True, exist_ok=True)
        with (self._logs / f"{self.name}.log").open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self._lifeline, *inherited),
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )


class Shipper(Child):
    """The shipper's process."""

    def __init__(
        self, *, store_root: str, log_folder: Path, poll_seconds: float, logs: Path, lifeline: int
    ) -> None:
        super().__init__("shipper", logs=logs, lifeline=lifeline)
        self._command = python_call(
            "slipway.serving.shipper:ship",
            store_root=store_root,
            log_folder=log_folder,
            poll_seconds=poll_seconds,
            lifeline=lifeline,
        )

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await self._execute(self._command)


class Server(Child):
    """One model version's server process.

    Args:
        model: Its name.
        version: Its version.
        fetch: Brings the version's folder onto this machine.
        client: Asks it.
        changed: Called whenever `ready` changes.
        log_folder: Where prediction-log segments lie.
        roll_seconds: A segment is handed to the shipper after so long.
        logs: Folder of its output.
        lifeline: Read end of the platform's pipe.
    """

    def __init__(
        self,
        model: str,
        version: int,
        *,
        fetch: Callable[[], Awaitable[Path]],
        client: httpx.AsyncClient,
        changed: Callable[[], None],
        log_folder: Path,
        roll_seconds: float,
        logs: Path,
        lifeline: int,
    ) -> None:
        super().__init__(f"{model}-v{version}", logs=logs, lifeline=lifeline)
        self.model = model
        self.version = version
        self.ready = False
        self.port: int | None = None
        self.in_flight = 0
        self._fetch = fetch
        self._client = client
        self._changed = changed
        self._log_folder = log_folder
        self._roll_seconds = roll_seconds
        self._look_now = asyncio.Event()

    async def ask(
        self, method: str, path: str, *, body: bytes, headers: dict[str, str]
    ) -> httpx.Response | None:
        """Its answer, or None when it did not answer; it is not ready then until it is again."""
        self.in_flight += 1
        try:
            url = f"http://127.0.0.1:{self.port}{path}"
            return await self._client.request(method, url, content=body, headers=headers)
        except httpx.ReadTimeout:
            raise
        except httpx.TransportError:
            self._mark(ready=False)
            self._look_now.set()
            return None
        finally:
            self.in_flight -= 1

    async def drain(self) -> None:
        """Wait for the requests it is answering, then end it."""
        clock = asyncio.get_running_loop().time
        deadline = clock() + DRAIN_SECONDS
        while self.in_flight and clock() < deadline:  # noqa: ASYNC110 - rare, and short
            await asyncio.sleep(0.02)
        await self.stop()

    def status(self) -> dict[str, Any]:
        """What the platform's status page says about it."""
        return {
            "pid": self.pid,
            "port": self.port,
            "ready": self.ready,
            "problem": self.problem,
            "restarts": self.restarts,
        }

    async def _spawn(self) -> asyncio.subprocess.Process:
        folder = await self._fetch()
        with bind("127.0.0.1", 0) as listener:
            self.port = listener.getsockname()[1]
            command = python_call(
                "slipway.serving.server:serve",
                self.model,
                version=self.version,
                folder=folder,
                log_folder=self._log_folder,
                roll_seconds=self._roll_seconds,
                listen=listener.fileno(),
                lifeline=self._lifeline,
            )
            return await self._execute(command, listener.fileno())

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        silent, answered = 0, False
        while True:
            reply = await self._probe()
            silent = 0 if reply is not None else silent + 1
            answered = answered or reply is not None
            if reply is not None or silent > 1:
                self.problem = _problem(reply, answered=answered)
                self._mark(ready=self.problem is None)
            if answered and silent >= PROBES_UNTIL_HUNG:
                logger.error("%s does not answer; it is killed", self.name)
                process.kill()
            self._look_now.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._look_now.wait(), 0.5 if self.ready else 0.1)

    async def _probe(self) -> httpx.Response | None:
        try:
            url = f"http://127.0.0.1:{self.port}/v2/health/ready"
            return await self._client.get(url, timeout=PROBE_SECONDS)
        except httpx.TransportError:
            return None

    def _ended(self) -> None:
        self._mark(ready=False)

    def _mark(self, *, ready: bool) -> None:
        if ready != self.ready:
            self.ready = ready
            self._changed()


def _problem(reply: httpx.Response | None, *, answered: bool) -> str | None:
    if reply is None:
        return "it does not answer" if answered else "it is starting"
    return None if reply.is_success else str(reply.json().get("error", "it is not ready"))
