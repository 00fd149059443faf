"""What a weighted version did since the present weights came into force."""

from __future__ import annotations

import math
from typing import Any

FINEST_SECONDS = 1e-4
STEP = 1.02
QUANTILE = 0.99


class RequestStats:
    """What became of the requests that fell to one version, whoever answered them in the end.

    Latencies are counted in classes, each 2 % wider than the one before: a count takes no more
    room after a million requests than after ten.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.failed = 0
        self._classes: dict[int, int] = {}

    def answer(self, seconds: float | None) -> None:
        """It answered.

        Args:
            seconds: From asking to the last byte; None for the refusal of a client's mistake,
                which says nothing of how fast the model is.
        """
        self.asked += 1
        if seconds is not None:
            place = math.ceil(math.log(max(seconds / FINEST_SECONDS, 1.0), STEP))
            self._classes[place] = self._classes.get(place, 0) + 1

    def fail(self) -> None:
        """It did not."""
        self.asked += 1
        self.failed += 1

    @property
    def p99_ms(self) -> float | None:
        """99th percentile of its answers' latency, at most 2 % too high; None without any."""
        slower = sum(self._classes.values())
        allowed = math.floor((1 - QUANTILE) * slower)
        for place in sorted(self._classes):
            slower -= self._classes[place]
            if slower <= allowed:
                return round(FINEST_SECONDS * STEP**place * 1000, 3)
        return None

    def to_json(self) -> dict[str, Any]:
        """As the status page shows it."""
        return {"asked": self.asked, "failed": self.failed, "p99_ms": self.p99_ms}
