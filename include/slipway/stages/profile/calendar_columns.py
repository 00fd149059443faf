"""Find the features of a file that are parts of its event time, such as its hour or its month."""

from __future__ import annotations

from collections.abc import Mapping

from slipway.stages.monitor.quality.calendar_columns import find_calendar_columns
from slipway.stages.profile.event_time import TimeGuess, event_times
from slipway.stages.profile.measured import Measured
from slipway.stages.profile.part_names import said_part, said_span
from slipway.stages.profile.roles import Chosen


def calendar_columns(
    measured: Measured, columns: Mapping[str, Chosen], time: TimeGuess
) -> frozenset[str]:
    """Return the names of the features that the event time tells, which are never drift.

    What is called a month is one though the file has each of them once; a year never comes again.

    Args:
        measured: File.
        columns: Its columns with their roles.
        time: Its event time.
    """
    import pandas as pd

    times = event_times(measured.columns, time)
    if times is None:
        return frozenset()
    order = pd.to_datetime(times, utc=True).dropna().sort_values(kind="stable")
    features = {name: one for name, one in columns.items() if one.role in {"number", "category"}}
    if order.empty or not features:
        return frozenset()
    rows = pd.DataFrame({name: one.column.sample for name, one in features.items()})
    found = find_calendar_columns(
        rows.loc[order.index].reset_index(drop=True),
        order.reset_index(drop=True),
        numeric={name for name, one in features.items() if one.column.is_numeric},
        declared={name for name in features if _says_part(name)},
    )
    return frozenset(one.name for one in found if one.part is not None)


def _says_part(name: str) -> bool:
    said = said_part(name)
    return said_span(name) is not None or (said is not None and said[0] != "year")
