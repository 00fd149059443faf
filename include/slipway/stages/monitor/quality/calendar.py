"""Find calendar columns that are not what the reference has at the same time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from slipway.stages.monitor.quality.calendar_columns import CalendarColumn
from slipway.stages.monitor.quality.check import (
    SHARE_MARGIN,
    KnownRows,
    ObservedWindow,
    QualityCheck,
    QualityFinding,
)

if TYPE_CHECKING:
    import pandas as pd

_SHIFTS = tuple(timedelta(hours=hours) for hours in (0, 1, -1))
"""A local time is an hour away from the reference's when the clocks have changed since."""


@dataclass(frozen=True)
class CalendarCheck(QualityCheck):
    """An hour, a weekday or a month is the one of the row's event time."""

    name: str = "calendar"
    judges_few_rows: bool = False

    def find(self, observed: ObservedWindow, known: KnownRows) -> Iterator[QualityFinding]:
        """Yield the columns with other values than the reference has at the same time."""
        for column in known.calendar:
            share = _share_of_others(column, observed.rows, observed.logged["event_time"])
            limit = column.errors + SHARE_MARGIN
            if column.part is not None and share is not None and share > limit:
                text = (
                    f"{column.name} is not what the reference has at the same {column.part.name} "
                    f"in {share:.1%} of rows (limit {limit:.1%})"
                )
                yield QualityFinding(self.name, column.name, text, share, limit, "drifting")


def _share_of_others(
    column: CalendarColumn, rows: pd.DataFrame, times: pd.Series[Any]
) -> float | None:
    """Share of the rows at known times; None where the reference knows none of their times."""
    if column.part is None or column.name not in rows:
        return None
    actual = rows[column.name].to_numpy()
    expected = [column.part.of(times + shift).map(column.by_part) for shift in _SHIFTS]
    known = rows[column.name].notna().to_numpy() & expected[0].notna().to_numpy()
    if not known.any():
        return None
    fits = [actual[known] == one.to_numpy()[known] for one in expected]
    return 1 - float((fits[0] | fits[1] | fits[2]).mean())
