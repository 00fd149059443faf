"""Plain processes that are started, watched and stopped by pid, also by a later command.

Each one leads its own session, so that stopping it stops its children too.
Their pids are written down before anything else happens: whoever comes after a kill finds them.
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
class Started:
    """A process that this machine runs for us.

    Attributes:
        name: What it is (`scheduler`).
        pid: Its process id; also its session's.
        created: When the kernel made it, in seconds; tells it from a later namesake.
        log: Where its output goes.
    """

    name: str
    pid: int
    created: float
    log: str

    def alive(self) -> bool:
        """Whether this very process still runs."""
        try:
            process = psutil.Process(self.pid)
            running = process.status() != psutil.STATUS_ZOMBIE
            return running and abs(process.create_time() - self.created) < 1.0
        except psutil.NoSuchProcess:
            return False


class Processes:
    """The processes of one state folder.

    Args:
        folder: Where pids and logs are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._file = folder / "processes.json"
        self._children: dict[int, subprocess.Popen[bytes]] = {}

    def start(self, name: str, command: Sequence[str], *, env: Mapping[str, str]) -> Started:
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
        started = Started(name, process.pid, created, str(path))
        self._write([*self.known(), started])
        return started

    def known(self) -> list[Started]:
        """Every process that was started from this folder and not yet stopped."""
        if not self._file.exists():
            return []
        return [Started(**entry) for entry in json.loads(self._file.read_text())]

    def find(self, name: str) -> Started:
        """The newest process of a name."""
        return next(started for started in reversed(self.known()) if started.name == name)

    def check(self) -> None:
        """Make sure that every process still runs.

        Raises:
            PlatformUnavailable: One has ended by itself.
        """
        for started in self.known():
            if not started.alive():
                raise PlatformUnavailable(
                    f"{started.name} has ended by itself",
                    where=started.log,
                    found=_last_line(Path(started.log)),
                    hint="read the end of its log; `make down` stops what is left",
                )

    def stop(self, *names: str) -> list[str]:
        """Stop processes, newest first, and say which; all of them when none is named."""
        known = self.known()
        chosen = [one for one in reversed(known) if not names or one.name in names]
        victims = [process for one in chosen for process in _family(one)]
        _end(victims, [one for one in chosen if one.alive()])
        for one in chosen:
            if child := self._children.pop(one.pid, None):
                child.wait()
        self._write([one for one in known if one not in chosen])
        return [one.name for one in chosen]

    def _write(self, started: Sequence[Started]) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(".tmp")
        draft.write_text(json.dumps([vars(one) for one in started], indent=1))
        draft.replace(self._file)


def _family(started: Started) -> list[psutil.Process]:
    """A process and all that it started; read before it dies, when they can still be found."""
    if not started.alive():
        return _session(started.pid, after=started.created)
    process = psutil.Process(started.pid)
    return [process, *process.children(recursive=True)]


def _session(leader: int, *, after: float) -> list[psutil.Process]:
    """What is left of a session whose leader has died."""
    left = []
    for process in psutil.process_iter():
        try:
            if os.getsid(process.pid) == leader and process.create_time() >= after - 1.0:
                left.append(process)
        except (psutil.NoSuchProcess, ProcessLookupError, PermissionError):
            continue
    return left


def _end(victims: Sequence[psutil.Process], leaders: Sequence[Started]) -> None:
    for leader in leaders:
        _signal(leader.pid, signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    _, alive = psutil.wait_procs(victims, timeout=max(0.0, deadline - time.monotonic()))
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
