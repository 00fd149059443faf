"""Detect parent exit by EOF on an inherited pipe.

A separate module because the shipper needs it, whose image has no HTTP server.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def on_parent_exit(parent_pipe: int, act: Callable[[], None]) -> None:
    """Call a function in a thread once the pipe reports EOF, however the parent died."""

    def wait() -> None:
        while os.read(parent_pipe, 1):
            pass
        act()

    threading.Thread(target=wait, name="parent-watch", daemon=True).start()
