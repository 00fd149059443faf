"""Start, watch and stop processes by pid, also from a later command.

Each process leads its own session, so that its children are stopped with it. Pids are written to a
file at once, so that a later command finds them after a crash.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil

from slipway.errors import PlatformUnavailable
from slipway.local.held_signals import held_signals

GRACE_SECONDS = 8.0
GRACE_OF_THE_LEFT_SECONDS = 2.0
"""Shorter: a process whose parent was killed often waits for it and ends only by SIGKILL."""


@dataclass(frozen=True)
class StartedProcess:
    """A started process.

    Attributes:
        name: Name, e.g. `scheduler`.
        pid: Process id and session id.
        created: Creation time in seconds; distinguishes it from a later process with that pid.
        log: Path of its output.
        wanted: False as soon as a command is stopping it.
    """

    name: str
    pid: int
    created: float
    log: str
    wanted: bool = True

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
        umask: File mode mask of the processes; None: that of this one.
    """

    def __init__(self, folder: Path, *, umask: int | None = None) -> None:
        self.folder = folder
        self._umask = -1 if umask is None else umask
        self._file = folder / "processes.json"
        self._children: dict[int, subprocess.Popen[bytes]] = {}
        self._starts: dict[str, tuple[Sequence[str], Mapping[str, str]]] = {}

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str]) -> StartedProcess:
        """Start a process in a session of its own; its output goes to `logs/<name>.log`."""
        with held_signals(), self._locked():
            started = self._launch(name, command, env)
            self._write([*self.known(), started])
        return started

    def start_again(self, ended: StartedProcess) -> None:
        """Start an ended process anew with its command, unless a command has stopped it since.

        Raises:
            OSError: It cannot be started.
        """
        with self._locked():
            known = self.known()
            if ended in known:
                started = self._launch(ended.name, *self._starts[ended.name])
                self._write([started if one == ended else one for one in known])

    def reap(self) -> None:
        """Take note of every end, so that no ended process stays in the process table.

        A command that stops the processes of another one waits for it.
        """
        for child in self._children.values():
            child.poll()

    def exit_code(self, ended: StartedProcess) -> int | None:
        """Return the exit code of an ended process of this command; negative for a signal."""
        child = self._children.get(ended.pid)
        if child is None:
            return None
        with suppress(subprocess.TimeoutExpired):
            # Its other threads may still be ending.
            child.wait(1.0)
        return child.returncode

    def end_what_is_left_of(self, ended: StartedProcess) -> None:
        """Stop the processes that an ended one has left in its session."""
        left = _session(ended.pid, after=ended.created)
        _end(left, [one.pid for one in left], grace_seconds=GRACE_OF_THE_LEFT_SECONDS)

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
                    hint="read the end of its log; `slipway down` stops the others",
                )

    def stop(self, *names: str) -> list[str]:
        """Stop processes by name, newest first, or all; return the names of those stopped."""
        with held_signals():
            chosen = self._unwanted(names)
            processes = [process for one in chosen for process in _family(one)]
            _end(processes, [one.pid for one in chosen if one.alive()])
            self.reap()
            with self._locked():
                self._write([one for one in self.known() if one not in chosen])
        return [one.name for one in chosen]

    def _unwanted(self, names: Sequence[str]) -> list[StartedProcess]:
        """Write down which processes are being stopped, so that nobody starts them again."""
        with self._locked():
            known = self.known()
            chosen = [one for one in known if not names or one.name in names]
            marked = {one: replace(one, wanted=False) for one in chosen}
            self._write([marked.get(one, one) for one in known])
        return list(reversed(marked.values()))

    def _launch(self, name: str, command: Sequence[str], env: Mapping[str, str]) -> StartedProcess:
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
                umask=self._umask,
            )
        self._children[process.pid] = process
        self._starts[name] = (command, env)
        created = psutil.Process(process.pid).create_time()
        return StartedProcess(name, process.pid, created, str(path))

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Exclude other commands while the file of pids is read and written."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._file.with_suffix(".lock").open("a") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def _write(self, started: Sequence[StartedProcess]) -> None:
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


def _end(
    processes: Sequence[psutil.Process],
    terminated: Sequence[int],
    *,
    grace_seconds: float = GRACE_SECONDS,
) -> None:
    """End processes: SIGTERM to some of them, time for all to end, then SIGKILL."""
    for pid in terminated:
        _signal(pid, signal.SIGTERM)
    deadline = time.monotonic() + grace_seconds
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
