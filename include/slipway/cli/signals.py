"""Exit on SIGTERM, also as the first process of a container."""

from __future__ import annotations

import signal
import sys

TERMINATED = 128 + signal.SIGTERM
"""Exit status after SIGTERM."""
HUNG_UP = 128 + signal.SIGHUP
"""Exit status after the terminal was closed."""


def exit_on_sigterm() -> None:
    """Exit on SIGTERM by raising `SystemExit`, so that `finally` blocks run.

    The kernel ignores SIGTERM for the first process of a container unless it has a handler.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))


def exit_on_hangup() -> None:
    """Exit when the terminal is closed by raising `SystemExit`, unless started by `nohup`."""
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda *_: sys.exit(HUNG_UP))
