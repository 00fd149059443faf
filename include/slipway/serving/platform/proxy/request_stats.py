"""Count requests, failures and latencies of a version since the weights last changed."""

from __future__ import annotations

import math
from typing import Any

FINEST_SECONDS = 1e-4
STEP = 1.02
QUANTILE = 0.99


class RequestStats:
    """Statistics of the requests picked for one version, also if another one answered.

    Latencies are counted in buckets that grow by 2 %, so memory does not grow with requests.
    """

    def __init__(self) -> None:
        self.asked = 0
        self.failed = 0
        self._buckets: dict[int, int] = {}

    def answer(self, seconds: float | None) -> None:
        """Count a request that the version answered.

        Args:
            seconds: Latency up to the last byte; None for a client error or an explained answer,
                whose latency does not depend on the model alone.
        """
        self.asked += 1
        if seconds is not None:
            bucket = math.ceil(math.log(max(seconds / FINEST_SECONDS, 1.0), STEP))
            self._buckets[bucket] = self._buckets.get(bucket, 0) + 1

    def fail(self) -> None:
        """Count a request that the version did not answer."""
        self.asked += 1
        self.failed += 1

    @property
    def p99_ms(self) -> float | None:
        """99th percentile of latency, at most 2 % too high; None without any latency."""
        slower = sum(self._buckets.values())
        allowed = math.floor((1 - QUANTILE) * slower)
        for bucket in sorted(self._buckets):
            slower -= self._buckets[bucket]
            if slower <= allowed:
                return round(FINEST_SECONDS * STEP**bucket * 1000, 3)
        return None

    def to_json(self) -> dict[str, Any]:
        """Values for the status page."""
        return {"asked": self.asked, "failed": self.failed, "p99_ms": self.p99_ms}
