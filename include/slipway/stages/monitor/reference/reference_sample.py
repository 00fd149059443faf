"""Reduce a version's reference to what windows are compared with, as parts that can be stored."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from io import BytesIO
from typing import TYPE_CHECKING, Any

from slipway.records.store import encode, parse_json
from slipway.stages.monitor.quality.calendar_columns import CalendarColumn, find_calendar_columns
from slipway.stages.monitor.quality.time_parts import TIME_PARTS
from slipway.stages.monitor.reference.bins import Bins, CategoryBins, NumberBins
from slipway.stages.monitor.reference.columns import Columns, tidy
from slipway.stages.monitor.reference.derived_object import Parts
from slipway.stages.monitor.reference.reference_counts import ReferenceCounts, count_reference

if TYPE_CHECKING:
    import pandas as pd

MAX_ROWS = 20_000
"""Largest sample; distances converge long before, and the report stays small."""

_ROWS, _TIMES, _COUNTS, _FACTS = "rows", "times", "counts", "facts"


@dataclass(frozen=True)
class ReferenceSample:
    """Rows that windows are compared with, and what is learnt from them once.

    Attributes:
        rows: At most `MAX_ROWS` rows with comparable values, ordered by event time.
        times: Their event times.
        calendar: Features that follow the event time, which have no distance.
        counts: Rows by unit of time and bin of each other column.
    """

    rows: pd.DataFrame
    times: pd.Series[Any]
    calendar: tuple[CalendarColumn, ...]
    counts: ReferenceCounts


def reduce_reference(
    rows: pd.DataFrame,
    times: pd.Series[Any],
    columns: Columns,
    *,
    window: timedelta,
    declared: Collection[str] = (),
    watched: Collection[str] = (),
) -> ReferenceSample:
    """Reduce a reference.

    Args:
        rows: Raw features and answers, ordered by event time.
        times: Their event times, UTC.
        columns: Columns that are watched.
        window: Length of the windows.
        declared: Features that the dataset calls `kind: calendar`.
        watched: Features that it watches like any other, whatever they follow.
    """
    step = -(-len(times) // MAX_ROWS)
    tidied = tidy(rows.iloc[::step], columns).reset_index(drop=True)
    kept_times = times.iloc[::step].reset_index(drop=True)
    calendar = tuple(
        find_calendar_columns(
            tidied[[name for name in tidied if name not in columns.answers]],
            kept_times,
            numeric=columns.numeric,
            declared=declared,
            watched=watched,
        )
    )
    compared = columns.without({one.name for one in calendar})
    counts = count_reference(tidied, kept_times, columns=compared, window=window)
    return ReferenceSample(tidied, kept_times, calendar, counts)


def to_parts(sample: ReferenceSample) -> Parts:
    """Return a sample as bytes by name."""
    import numpy as np
    import pandas as pd

    counts = sample.counts
    flat = [one.ravel() for one in counts.counts.values()]
    whole = np.concatenate(flat) if flat else np.zeros(0, dtype=np.int64)
    facts = {
        "calendar": [_calendar_facts(one) for one in sample.calendar],
        "start": counts.start.isoformat(),
        "unit_seconds": counts.unit.total_seconds(),
        "units": counts.units,
        "bins": [[name, _bins_facts(one)] for name, one in counts.bins.items()],
    }
    return {
        _ROWS: _parquet(sample.rows),
        _TIMES: _parquet(sample.times.to_frame(_TIMES)),
        _COUNTS: _parquet(pd.DataFrame({_COUNTS: whole})),
        _FACTS: encode(facts),
    }


def from_parts(parts: Parts) -> ReferenceSample:
    """Return the sample that `to_parts` wrote."""
    import pandas as pd

    rows, times, whole = (
        pd.read_parquet(BytesIO(parts[name])) for name in (_ROWS, _TIMES, _COUNTS)
    )
    facts, flat = parse_json(parts[_FACTS]), whole[_COUNTS].to_numpy()
    bins: dict[str, Bins] = {}
    counts, first = {}, 0
    for name, one in facts["bins"]:
        bins[name] = _bins(one)
        size = facts["units"] * (bins[name].count + 1)
        counts[name] = flat[first : first + size].reshape(facts["units"], -1)
        first += size
    start, unit = datetime.fromisoformat(facts["start"]), timedelta(seconds=facts["unit_seconds"])
    return ReferenceSample(
        rows,
        times[_TIMES],
        tuple(_calendar_column(one) for one in facts["calendar"]),
        ReferenceCounts(start, unit, bins, counts),
    )


def _parquet(frame: pd.DataFrame) -> bytes:
    buffer = BytesIO()
    frame.to_parquet(buffer, index=False)
    return buffer.getvalue()


def _bins_facts(bins: Bins) -> dict[str, Any]:
    if isinstance(bins, NumberBins):
        return {"edges": list(bins.edges)}
    return {"categories": list(bins.categories)}


def _bins(facts: Mapping[str, Any]) -> Bins:
    if "edges" in facts:
        return NumberBins(tuple(facts["edges"]))
    return CategoryBins(tuple(facts["categories"]))


def _calendar_facts(column: CalendarColumn) -> dict[str, Any]:
    values = [[part, _plain(one)] for part, one in column.by_part.items()]
    part = None if column.part is None else column.part.name
    return {"name": column.name, "part": part, "by_part": values, "errors": float(column.errors)}


def _calendar_column(facts: Mapping[str, Any]) -> CalendarColumn:
    parts = {one.name: one for one in TIME_PARTS}
    part = None if facts["part"] is None else parts[facts["part"]]
    return CalendarColumn(facts["name"], part, dict(facts["by_part"]), facts["errors"])


def _plain(value: Any) -> Any:
    """Return a scalar of NumPy as Python's own."""
    return value.item() if hasattr(value, "item") else value
