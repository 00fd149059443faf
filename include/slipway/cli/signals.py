"""Exit on SIGTERM, also as the first process of a container."""

from __future__ import annotations

import signal
import sys

TERMINATED = 128 + signal.SIGTERM
"""Exit status after SIGTERM."""


def exit_on_sigterm() -> None:
    """Exit on SIGTERM by raising `SystemExit`, so that `finally` blocks run.

    The kernel ignores SIGTERM for the first process of a container unless it has a handler.
    """
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(TERMINATED))
