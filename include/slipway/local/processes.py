"""Start, watch and stop processes by pid, also from a later command.

Each process leads its own session, so that its children are stopped with it. Pids are written to a
file at once, so that a later command finds them after a crash.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

from slipway.errors import PlatformUnavailable

GRACE_SECONDS = 8.0


@dataclass(frozen=True)
class StartedProcess:
    """A started process.

    Attributes:
        name: Name, e.g. `scheduler`.
        pid: Process id and session id.
        created: Creation time in seconds; distinguishes it from a later process with that pid.
        log: Path of its output.
    """

    name: str
    pid: int
    created: float
    log: str

    def alive(self) -> bool:
        """Return whether the process still runs."""
        try:
            process = psutil.Process(self.pid)
            running = process.status() != psutil.STATUS_ZOMBIE
            return running and abs(process.create_time() - self.created) < 1.0
        except psutil.NoSuchProcess:
            return False


class Processes:
    """The processes of one state folder.

    Args:
        folder: Folder of pids and logs.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "processes.json"
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str]) -> StartedProcess:
        """Start a process in a session of its own; its output goes to `logs/<name>.log`."""
        logs = self.folder / "logs"
        logs.mkdir(parents=True, exist_ok=True)
        path = logs / f"{name}.log"
        with path.open("ab") as output:
            process = subprocess.Popen(
                list(command),
                env=dict(env),
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._children[process.pid] = process
        created = psutil.Process(process.pid).create_time()
        started = StartedProcess(name, process.pid, created, str(path))
        self._write([*self.known(), started])
        return started

    def known(self) -> list[StartedProcess]:
        """Return every process that was started from this folder and not stopped."""
        if not self._file.exists():
            return []
        return [StartedProcess(**entry) for entry in json.loads(self._file.read_text())]

    def find(self, name: str) -> StartedProcess:
        """Return the newest process of a name."""
        return next(started for started in reversed(self.known()) if started.name == name)

    def check(self) -> None:
        """Raise unless every process still runs.

        Raises:
            PlatformUnavailable: A process has ended.
        """
        for started in self.known():
            if not started.alive():
                raise PlatformUnavailable(
                    f"{started.name} has ended",
                    where=started.log,
                    found=_last_line(Path(started.log)),
                    hint="read the end of its log; `make down` stops the others",
                )

    def stop(self, *names: str) -> list[str]:
        """Stop processes by name, newest first, or all; return the names of those stopped."""
        known = self.known()
        chosen = [one for one in reversed(known) if not names or one.name in names]
        processes = [process for one in chosen for process in _family(one)]
        _end(processes, [one for one in chosen if one.alive()])
        for one in chosen:
            if child := self._children.pop(one.pid, None):
                child.wait()
        self._write([one for one in known if one not in chosen])
        return [one.name for one in chosen]

    def _write(self, started: Sequence[StartedProcess]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps([vars(one) for one in started], indent=1))
        draft.replace(self._file)


def _family(started: StartedProcess) -> list[psutil.Process]:
    """Return a process and its descendants, which cannot be found after its end."""
    if not started.alive():
        return _session(started.pid, after=started.created)
    process = psutil.Process(started.pid)
    return [process, *process.children(recursive=True)]


def _session(leader: int, *, after: float) -> list[psutil.Process]:
    """Return the processes of a session whose leader has ended."""
    left = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.create_time() >= after - 1.0:
                left.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            continue
    return left


def _end(processes: Sequence[psutil.Process], leaders: Sequence[StartedProcess]) -> None:
    for leader in leaders:
        _signal(leader.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    _, alive = psutil.wait_procs(processes, timeout=max(0.0, deadline - time.monotonic()))
    for process in alive:
        _signal(process.pid, signal.SIGKILL)
    psutil.wait_procs(alive, timeout=GRACE_SECONDS)


def _signal(pid: int, number: signal.Signals) -> None:
    try:
        os.kill(pid, number)
    except ProcessLookupError:
        return


def _last_line(path: Path) -> str:
    lines = path.read_text(errors="replace").strip().splitlines() if path.exists() else []
    return lines[-1][:200] if lines else "an empty log"
