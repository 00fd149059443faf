"""Find a window in which more keys are repeated than in earlier ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from slipway.records.verdicts import Number
from slipway.stages.monitor.quality.check import (
    SHARE_MARGIN,
    KnownRows,
    ObservedWindow,
    QualityCheck,
    QualityFinding,
    earlier_values,
)

REPEATED = "repeated_keys"
"""Number of a verdict: share of the rows with a key whose key has another row."""


@dataclass(frozen=True)
class DuplicatesCheck(QualityCheck):
    """A key may be predicted again, but no more often than it used to be."""

    name: str = "duplicates"
    judges_few_rows: bool = False

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield that more of its rows repeat a key."""
        del known
        share, usual = _share(observed), earlier_values(observed, REPEATED)
        if share is None or not usual:
            return
        limit = max(usual) + SHARE_MARGIN
        if share > limit:
            text = f"{share:.1%} of its rows repeat a key (limit {limit:.1%})"
            yield QualityFinding(self.name, "key", text, share, limit, "warning")

    def numbers(self, observed: ObservedWindow) -> Mapping[str, Number]:
        """Return the share of rows that repeat a key."""
        share = _share(observed)
        return {} if share is None else {REPEATED: round(share, 4)}


def _share(observed: ObservedWindow) -> float | None:
    sample = observed.sample
    return sample.repeated / sample.keyed if sample.keyed else None
