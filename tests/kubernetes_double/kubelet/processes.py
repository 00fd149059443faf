"""Containers as processes of this machine, ended with all their children."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

# In the environment of every process of a container, and so of its children.
MARK = "SLIPWAY_DOUBLE_CONTAINER"
COMMANDS = Path(sys.executable).parent
BASE_PATH = f"{COMMANDS}:/usr/local/bin:/usr/bin:/bin"


class NoCommand(Exception):
    """The container's command is missing: the runtime could not start it."""


@dataclass(frozen=True)
class Command:
    """The command of a container.

    Args:
        argv: Program and arguments.
        environ: All environment variables.
        folder: Working directory.
        log: File to which output is appended, each line after its time.
        mark: Unique name of the container.
    """

    argv: Sequence[str]
    environ: Mapping[str, str]
    folder: Path
    log: Path
    mark: str


def resolve(program: str) -> str:
    """Path of a program: this project's commands first, then the machine's."""
    found = shutil.which(program, path=BASE_PATH)
    if found is None:
        raise NoCommand(
            "failed to create containerd task: failed to create shim task: OCI runtime create "
            "failed: runc create failed: unable to start container process: error during "
            f'container init: exec: "{program}": executable file not found in $PATH'
        )
    return found


class Process:
    """One run of a container in the current event loop.

    Args:
        command: The command. Raises: NoCommand.
    """

    def __init__(self, command: Command) -> None:
        loop = asyncio.get_running_loop()
        self._mark = command.mark
        self._ended: asyncio.Future[int] = loop.create_future()
        self.killed_for_memory = False
        program = resolve(command.argv[0])
        self._popen = subprocess.Popen(
            [program, *command.argv[1:]],
            executable=program,
            cwd=command.folder,
            env={**command.environ, MARK: command.mark},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        self.pid = self._popen.pid
        self._log = Log(command.log, self._output())
        loop.add_reader(self._output(), self._log.pump)
        self._handle = os.pidfd_open(self.pid)
        loop.add_reader(self._handle, self._reap)

    @property
    def running(self) -> bool:
        """Whether the first process is alive."""
        return not self._ended.done()

    async def wait(self) -> int:
        """Exit code of the container: 128 and the signal, if a signal ended it."""
        return await asyncio.shield(self._ended)

    def handles(self, number: signal.Signals) -> bool:
        """Whether the first process handles a signal.

        It is PID 1 of its container, to which the kernel delivers only handled signals.
        """
        try:
            lines = Path(f"/proc/{self.pid}/status").read_text().splitlines()
        except OSError:
            return False
        caught = next((line for line in lines if line.startswith("SigCgt:")), "SigCgt: 0")
        return bool(int(caught.split()[1], 16) >> (number - 1) & 1)

    async def end(self, *, grace_seconds: float, unhandled_term_seconds: float) -> int:
        """Exit code after SIGTERM, followed by SIGKILL at the deadline.

        Args:
            grace_seconds: Time limit.
            unhandled_term_seconds: Time limit if it does not handle SIGTERM; a real kubelet waits
                for the whole grace period, to no avail.
        """
        if self.running and self.handles(signal.SIGTERM):
            self._popen.send_signal(signal.SIGTERM)
        else:
            grace_seconds = min(grace_seconds, unhandled_term_seconds)
        try:
            return await asyncio.wait_for(self.wait(), grace_seconds)
        except TimeoutError:
            return await self.kill()

    async def kill(self) -> int:
        """Exit code after SIGKILL of all its processes."""
        self.cut()
        return await self.wait()

    def cut(self) -> None:
        """Send SIGKILL to all its processes without waiting."""
        kill_marked(lambda mark: mark == self._mark)
        if self.running:
            self._popen.kill()

    def _output(self) -> int:
        if self._popen.stdout is None:
            raise NoCommand
        return self._popen.stdout.fileno()

    def _reap(self) -> None:
        loop = asyncio.get_running_loop()
        code = self._popen.wait()
        loop.remove_reader(self._handle)
        os.close(self._handle)
        # A container ends with all its processes.
        kill_marked(lambda mark: mark == self._mark)
        self._log.pump()
        loop.remove_reader(self._output())
        self._log.close()
        if self._popen.stdout is not None:
            self._popen.stdout.close()
        self._ended.set_result(code if code >= 0 else 128 - code)


class Log:
    """A container's log file, written from a pipe, each line after its time.

    Args:
        path: The file; appended to.
        pipe: Source of the lines.
    """

    def __init__(self, path: Path, pipe: int) -> None:
        os.set_blocking(pipe, False)
        self._pipe = pipe
        self._rest = b""
        self._file = path.open("ab", buffering=0)

    def pump(self) -> None:
        """Write what the pipe holds."""
        while True:
            try:
                data = os.read(self._pipe, 65536)
            except BlockingIOError:
                return
            if not data:
                with contextlib.suppress(ValueError):
                    asyncio.get_running_loop().remove_reader(self._pipe)
                return
            *lines, self._rest = (self._rest + data).split(b"\n")
            self._write(lines)

    def close(self) -> None:
        """Write the last line, complete or not."""
        if self._rest:
            self._write([self._rest])
        self._file.close()

    def _write(self, lines: Sequence[bytes]) -> None:
        now = nanoseconds(datetime.now(UTC)).encode()
        self._file.write(b"".join(b"%s %s\n" % (now, line) for line in lines))


def nanoseconds(moment: datetime) -> str:
    """A time in RFC 3339 with nine digits, as container runtimes write it."""
    return f"{moment:%Y-%m-%dT%H:%M:%S.%f}000Z"


def kill_marked(chosen: Callable[[str], bool]) -> list[int]:
    """Kill the living processes of some marks; their ids."""
    found = [pid for pid, mark in marked() if chosen(mark)]
    for pid in found:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    return found


def marked() -> list[tuple[int, str]]:
    """Living processes of any double's containers, with their marks."""
    found = []
    start = f"{MARK}=".encode()
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            lines = (entry / "environ").read_bytes().split(b"\0")
            found += [
                (int(entry.name), line.removeprefix(start).decode())
                for line in lines
                if line.startswith(start)
            ]
    return found
