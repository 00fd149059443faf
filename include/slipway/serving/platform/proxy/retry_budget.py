"""Limit on repeated requests, so that a failing version does not multiply the load of others.

Source: the retry budgets of Finagle and Linkerd, whose share and rate these are.
"""

from __future__ import annotations

from collections.abc import Callable

SHARE = 0.2
"""Repeats that each request allows."""

PER_SECOND = 10.0
"""Repeats that are allowed beside, so that few requests are repeated as long as they are few."""

SECONDS = 10.0
"""Time for which repeats that are not used are kept."""


class RetryBudget:
    """Repeats that the requests of one model may have.

    Args:
        clock: Seconds.
    """

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._left = self._most = PER_SECOND * SECONDS
        self._filled_at = clock()

    def deposit(self) -> None:
        """Count a request."""
        self._left = min(self._most, self._left + SHARE)

    def withdraw(self) -> bool:
        """Whether a request may be repeated; if so, it is counted."""
        now = self._clock()
        self._left = min(self._most, self._left + PER_SECOND * (now - self._filled_at))
        self._filled_at = now
        if self._left < 1:
            return False
        self._left -= 1
        return True
