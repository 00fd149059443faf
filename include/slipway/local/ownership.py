"""Hold a state folder for one command, tell whether one holds it, and have that one end."""

from __future__ import annotations

import fcntl
import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

LOCK = "owner.lock"

WITHIN_SECONDS = 60.0
"""Time in which a command ends that is asked to."""


@contextmanager
def owned(folder: Path) -> Iterator[bool]:
    """Hold a folder until the end of the block; False where another command holds it.

    The system gives it back when the holder ends, however that happens.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("a+") as lock:
        if not _try_lock(lock.fileno()):
            yield False
            return
        lock.truncate(0)
        lock.write(str(os.getpid()))
        lock.flush()
        try:
            yield True
        finally:
            lock.truncate(0)


def owner(folder: Path) -> int | None:
    """Return the process id of the command that holds a folder, or None."""
    try:
        with (folder / LOCK).open() as lock:
            if _try_lock(lock.fileno()):
                return None
            return int(lock.read() or 0) or None
    except FileNotFoundError:
        return None


def end_owner(folder: Path) -> bool:
    """Have the command that holds a folder end, and wait for it; return whether there was one."""
    pid = owner(folder)
    if pid is None:
        return False
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + WITHIN_SECONDS
    while owner(folder) == pid and time.monotonic() < deadline:
        time.sleep(0.1)
    return True


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
