"""Find a window whose events end long before it does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from slipway.stages.monitor.quality.check import (
    KnownRows,
    ObservedWindow,
    QualityCheck,
    QualityFinding,
)

GAPS, LEAST_SHARE = 2, 0.05
"""Gaps of the reference, and share of the window, that may be without an event at its end."""

_DAY, _HOUR = timedelta(days=1), timedelta(hours=1)


@dataclass(frozen=True)
class FreshnessCheck(QualityCheck):
    """The newest event is near the end of the window."""

    name: str = "freshness"
    judges_few_rows: bool = True

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield that it is not."""
        gap = known.times.sort_values().diff().max()
        ordinary = gap.to_pytimedelta() if len(known.times) > 1 else timedelta()
        missing = observed.end - (observed.sample.newest or observed.start)
        limit = max(GAPS * ordinary, LEAST_SHARE * (observed.end - observed.start))
        if missing > limit:
            unit, word = (_DAY, "days") if missing >= 2 * _DAY else (_HOUR, "hours")
            text = (
                f"its newest event is {missing / unit:.1f} {word} before its end "
                f"(limit {limit / unit:.1f})"
            )
            found, most = missing / _DAY, limit / _DAY
            yield QualityFinding(self.name, "days", text, found, most, "warning")
