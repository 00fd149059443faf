"""Exit on signals: on Ctrl-C from the first moment, on SIGTERM also as a container's process."""

from __future__ import annotations

import os
import signal
import sys
import threading
from _thread import interrupt_main
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

INTERRUPTED = 128 + signal.SIGINT
"""Exit status after Ctrl-C."""

TERMINATED = 128 + signal.SIGTERM
"""Exit status after SIGTERM."""
HUNG_UP = 128 + signal.SIGHUP
"""Exit status after the terminal was closed."""

_A_LITTLE_LATER_S = 0.05


def exit_on_sigterm() -> None:
    """Exit on SIGTERM by raising `SystemExit`, so that `finally` blocks run.

    The kernel ignores SIGTERM for the first process of a container unless it has a handler.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def exit_on_hangup() -> None:
    """Exit when the terminal is closed by raising `SystemExit`, unless started by `nohup`."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(HUNG_UP))


@contextmanager
def ended_by_interrupt() -> Iterator[None]:
    """End the process on Ctrl-C within the block, at once and in one line.

    While modules are imported, a `KeyboardInterrupt` would end in a traceback, or be taken for a
    package that is missing.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        # Whoever started the process ignores Ctrl-C, as a shell does in its background jobs.
        yield
        return
    signal.signal(signal.SIGINT, _end)
    yield
    signal.signal(signal.SIGINT, before)


@contextmanager
def repeated_interrupt() -> Iterator[None]:
    """Repeat Ctrl-C within the block where the interpreter ignores it.

    An exception in a callback or a finalizer is printed and ignored, and imports have many of
    them: the command would go on to its end.
    """
    before = sys.unraisablehook

    def repeat(ignored: sys.UnraisableHookArgs) -> None:
        if not issubclass(ignored.exc_type, KeyboardInterrupt):
            before(ignored)
            return
        # A little later, since it would be ignored in this hook as well.
        timer = threading.Timer(_A_LITTLE_LATER_S, interrupt_main)
        timer.daemon = True
        timer.start()

    sys.unraisablehook = repeat
    try:
        yield
    finally:
        sys.unraisablehook = before


def _end(*_: Any) -> None:
    os.write(2, b"interrupted\n")
    os._exit(INTERRUPTED)
