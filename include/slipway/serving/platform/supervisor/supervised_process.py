"""Start, watch, restart and stop a child process of the platform.

Every child inherits the read end of one pipe. When the platform ends, in any way, the child
reads EOF and exits.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
import sys
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import Any

from slipway.errors import SlipwayError
from slipway.serving.http.server import DRAIN_SECONDS
from slipway.serving.platform.supervisor.exit_message import exit_message
from slipway.serving.platform.supervisor.restart_backoff import RestartBackoff
from slipway.serving.server_options import Options

logger = logging.getLogger(__name__)


def python_call(function: str, *arguments: Any, **named: Any) -> list[str]:
    """Command line that calls the function `module:function` in a new interpreter."""
    module, name = function.split(":")
    values = [repr(value) for value in arguments]
    values += [f"{key}={value!r}" for key, value in named.items()]
    imports = [f"from {kind.__module__} import {kind.__name__}" for kind in (PosixPath, Options)]
    imports.append(f"from {module} import {name}")
    return [sys.executable, "-c", f"{'; '.join(imports)}; {name}({', '.join(values)})"]


@dataclass(frozen=True)
class ProcessContext:
    """Values that all processes of one platform share.

    Attributes:
        log_folder: Folder of the prediction-log segments.
        outputs: Folder of the processes' output files.
        options: Limits, log and security of a model server.
        parent_pipe: Read end of the platform's pipe.
        probe_token: Token that lets the platform read why a server is not ready; a server knows
            its digest.
    """

    log_folder: Path
    outputs: Path
    options: Options
    parent_pipe: int
    probe_token: str


class SupervisedProcess(ABC):
    """A process that is restarted with backoff whenever it exits.

    Args:
        name: Its name in logs.
        context: What all processes of the platform share.

    Attributes:
        restarts: Number of restarts.
        problem: Why it is not working, or None.
        last_exit: Last exit code; a negative number is a signal.
        last_line: Last line of output before that exit, without feature values.
    """

    def __init__(self, name: str, *, context: ProcessContext) -> None:
        self.name = name
        self.context = context
        self.restarts = 0
        self.problem: str | None = "not started yet"
        self.last_exit: int | None = None
        self.last_line: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def _output(self) -> Path:
        return self.context.outputs / f"{self.name}.log"

    @property
    def pid(self) -> int | None:
        """Id of the running process, or None."""
        return self._process.pid if self._process else None

    def start(self) -> None:
        """Start it and keep it running."""
        self._task = asyncio.create_task(self._keep_running(), name=self.name)

    async def stop(self) -> None:
        """Stop it: SIGTERM, time to drain, then SIGKILL."""
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

    def starting(self) -> str:
        """Problem of a process that is starting, with its last exit."""
        return "it is starting" if self.last_exit is None else f"{self._ending()}; it is starting"

    def _ending(self) -> str:
        output = f", saying: {self.last_line}" if self.last_line else ""
        return f"it ended with {self.last_exit}{output}"

    async def _keep_running(self) -> None:
        clock = asyncio.get_running_loop().time
        backoff = RestartBackoff()
        while not self._stopping:
            began = clock()
            await self._run_once()
            pause = backoff.pause_seconds(ran_seconds=clock() - began)
            if not self._stopping:
                logger.warning("%s: %s; next start in %.1f s", self.name, self.problem, pause)
                await asyncio.sleep(pause)
                self.restarts += 1

    async def _run_once(self) -> None:
        try:
            process = self._process = await self._spawn()
        except (OSError, SlipwayError) as error:
            self.problem = f"it cannot be started: {error}"
            return
        if self._stopping:
            process.terminate()
        self.problem = self.starting()
        watch = asyncio.create_task(self._watch(process))
        code = await process.wait()
        watch.cancel()
        self._ended(code)

    @abstractmethod
    async def _spawn(self) -> asyncio.subprocess.Process:
        """Start the process.

        Raises:
            OSError: It cannot be started.
            SlipwayError: What it needs is not there.
        """

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Watch a running process; cancelled when it exits."""
        await process.wait()

    def _ended(self, code: int) -> None:
        """Record the exit of the process."""
        self._process = None
        self.last_exit, self.last_line = code, exit_message(self._output)
        self.problem = self._ending()

    async def _execute(self, command: list[str], *inherited: int) -> asyncio.subprocess.Process:
        self._output.parent.mkdir(parents=True, exist_ok=True)
        with self._output.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self.context.parent_pipe, *inherited),
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )
