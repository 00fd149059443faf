"""Find features that a window lacks, or has in another type.

The log holds what the version's signature has, so no column can be new there.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from slipway.stages.monitor.quality.check import (
    SHARE_MARGIN,
    KnownRows,
    ObservedWindow,
    QualityCheck,
    QualityFinding,
)


@dataclass(frozen=True)
class SchemaCheck(QualityCheck):
    """A window has the features of the version, and numbers where it expects numbers."""

    name: str = "schema"
    judges_few_rows: bool = True

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield the features that are missing, and those whose values are of another type."""
        for column in known.features:
            if column not in observed.logged:
                text = f"{column} is not among the logged columns"
                yield QualityFinding(self.name, column, text, 1.0, 0.0, "drifting")
                continue
            given = observed.logged[column].notna().to_numpy()
            lost = given & observed.rows[column].isna().to_numpy()
            share = float(lost.sum()) / max(1, int(given.sum()))
            if share > SHARE_MARGIN:
                text = (
                    f"{column} is no finite number in {share:.1%} of the rows that have it "
                    f"(limit {SHARE_MARGIN:.1%})"
                )
                yield QualityFinding(self.name, column, text, share, SHARE_MARGIN, "drifting")
