"""Tell how long a piece of work has taken, while it runs and tells nothing by itself."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

EACH_SECONDS = 15.0
"""Time between two messages; shorter work has none."""


@contextmanager
def told_while(
    tell: Callable[[str], None],
    work: str,
    *,
    each_seconds: float = EACH_SECONDS,
    how_far: Callable[[], str] = str,
) -> Iterator[None]:
    """Tell every few seconds how long the work inside has taken.

    Args:
        tell: Called with each message, from a thread of its own.
        work: What is done, in words.
        each_seconds: Time between two messages.
        how_far: Returns how far the work is, or nothing.
    """
    began, ended = time.monotonic(), threading.Event()

    def tell_until_ended() -> None:
        while not ended.wait(each_seconds):
            so_far = how_far()
            told = f"{work}: {time.monotonic() - began:.0f} s so far"
            tell(f"{told}, {so_far}" if so_far else told)

    thread = threading.Thread(target=tell_until_ended, name="told-while", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
