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
from dataclasses import dataclass
from pathlib import Path, PosixPath
from typing import Any

from slipway.errors import SlipwayError
from slipway.serving.http.server import DRAIN_SECONDS
from slipway.serving.platform.supervisor.exit_message import exit_message
from slipway.serving.server_options import Options

FIRST_PAUSE_SECONDS = 0.2
LONGEST_PAUSE_SECONDS = 10.0
STEADY_SECONDS = 30.0

logger = logging.getLogger(__name__)


def python_call(function: str, *arguments: Any, **named: Any) -> list[str]:
    """Command that calls a function, named `module:function`, in a new interpreter."""
    module, name = function.split(":")
    said = [repr(value) for value in arguments]
    said += [f"{key}={value!r}" for key, value in named.items()]
    imports = [f"from {kind.__module__} import {kind.__name__}" for kind in (PosixPath, Options)]
    imports.append(f"from {module} import {name}")
    return [sys.executable, "-c", f"{'; '.join(imports)}; {name}({', '.join(said)})"]


@dataclass(frozen=True)
class ProcessContext:
    """What every child of one platform is given.

    Attributes:
        log_folder: Where prediction-log segments lie.
        outputs: Folder of the children's outputs.
        options: Limits, log and security of a model server.
        lifeline: Read end of the platform's pipe.
    """

    log_folder: Path
    outputs: Path
    options: Options
    lifeline: int


class SupervisedProcess:
    """A process that is started again whenever it ends, with growing pauses.

    Args:
        name: What it is called in logs.
        around: What every child is given.

    Attributes:
        restarts: How often it was started again.
        problem: Why it does not do its work, or None.
        last_exit: How it ended the last time; a negative number is a signal.
        last_line: What it said last before that, without any value in it.
    """

    def __init__(self, name: str, *, around: ProcessContext) -> None:
        self.name = name
        self.around = around
        self.restarts = 0
        self.problem: str | None = "it has not been started"
        self.last_exit: int | None = None
        self.last_line: str | None = None
        self._process: asyncio.subprocess.Process | None = None
        self._stopping = False
        self._task: asyncio.Task[None] | None = None

    @property
    def _output(self) -> Path:
        return self.around.outputs / f"{self.name}.log"

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

    def starting(self) -> str:
        """That it is starting, and how it ended the last time."""
        return "it is starting" if self.last_exit is None else f"{self._ending()}; it is starting"

    def _ending(self) -> str:
        said = f", saying: {self.last_line}" if self.last_line else ""
        return f"it ended with {self.last_exit}{said}"

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
        self.problem = self.starting()
        watch = asyncio.create_task(self._watch(process))
        code = await process.wait()
        watch.cancel()
        self._process = None
        self.last_exit, self.last_line = code, exit_message(self._output)
        self.problem = self._ending()
        self._ended()

    async def _spawn(self) -> asyncio.subprocess.Process:
        raise NotImplementedError

    async def _watch(self, process: asyncio.subprocess.Process) -> None:
        """Look after a running process; cancelled when it ends."""

    def _ended(self) -> None:
        """Take note that the process has ended."""

    async def _execute(self, command: list[str], *inherited: int) -> asyncio.subprocess.Process:
        self._output.parent.mkdir(parents=True, exist_ok=True)
        with self._output.open("ab") as log:
            return await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                pass_fds=(self.around.lifeline, *inherited),
                start_new_session=True,
                env={**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"},
            )


class ShipperProcess(SupervisedProcess):
    """The shipper's process.

    Args:
        store_root: Where it ships to.
        around: What every child is given.
    """

    def __init__(self, *, store_root: str, around: ProcessContext) -> None:
        super().__init__("shipper", around=around)
        self._command = python_call(
            "slipway.serving.prediction_log.shipper:ship",
            store_root=store_root,
            log_folder=around.log_folder,
            poll_seconds=min(0.5, around.options.roll_seconds / 2),
            lifeline=around.lifeline,
        )

    async def _spawn(self) -> asyncio.subprocess.Process:
        return await self._execute(self._command)
