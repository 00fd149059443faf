"""Log how far a long piece of work is, now and then."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

logger = logging.getLogger(__name__)

LINE_SECONDS = 10.0
"""Time between two lines about one piece of work."""


def logged_now_and_then(*, clock: Callable[[], float] = time.monotonic) -> Callable[[str], None]:
    """Return a function that logs a line at most every ten seconds, the first one at once.

    Args:
        clock: Seconds.
    """
    shown = clock() - LINE_SECONDS

    def show(text: str) -> None:
        nonlocal shown
        if clock() - shown >= LINE_SECONDS:
            shown = clock()
            logger.info("%s", text)

    return show
