"""The end of a parent: a pipe whose other end it holds, which closes however the parent dies.

The shipper needs this too, and its image holds no HTTP server; so it stands by itself.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable


def on_parent_exit(lifeline: int, act: Callable[[], None]) -> None:
    """Act, in a thread of its own, once the other end of a pipe has closed."""

    def wait() -> None:
        while os.read(lifeline, 1):
            pass
        act()

    threading.Thread(target=wait, name="lifeline", daemon=True).start()
