"""Find a window with far fewer or far more predictions than earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.stages.monitor.quality.check import (
    KnownRows,
    ObservedWindow,
    QualityCheck,
    QualityFinding,
    earlier_values,
)

RATE = "rows_per_window"
"""Number of a verdict: predictions of a calendar window, also of several that were joined."""

FACTOR = 2
"""How many times fewer, or more, predictions than in any earlier window are out of the ordinary."""


@dataclass(frozen=True)
class VolumeCheck(QualityCheck):
    """The number of predictions is near that of earlier windows."""

    name: str = "volume"
    judges_few_rows: bool = True

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield that it is not."""
        del known
        rate, usual = _rate(observed), earlier_values(observed, RATE)
        if not usual:
            return
        lowest, highest = min(usual) / FACTOR, max(usual) * FACTOR
        if not lowest <= rate <= highest:
            limit = lowest if rate < lowest else highest
            word = "only " if rate < lowest else ""
            text = (
                f"it has {word}{rate:,.0f} predictions a window, earlier ones "
                f"{min(usual):,.0f} to {max(usual):,.0f} (limit {limit:,.0f})"
            )
            yield QualityFinding(self.name, "rows", text, rate, limit, "warning")

    def numbers(self, observed: ObservedWindow) -> Mapping[str, Number]:
        """Return the predictions of a window."""
        return {RATE: round(_rate(observed), 1)}


def _rate(observed: ObservedWindow) -> float:
    return observed.sample.count / observed.units
