"""Read the numbers of the windows before one, to tell what is usual."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING

from slipway.records.run_records import find_record
from slipway.records.verdicts import Number
from slipway.stages.monitor.windows.joined_windows import read_joined
from slipway.stages.monitor.windows.windows import MonitoredWindow, window_at

if TYPE_CHECKING:
    from slipway.records.store import Store

WINDOWS = 8
"""Windows that are looked at; one that was never measured is passed over."""

_MOMENT = timedelta(microseconds=1)


def earlier_numbers(
    store: Store, model: str, monitored: MonitoredWindow
) -> list[Mapping[str, Number]]:
    """Return the numbers of the drift records of a version's windows before one, newest first.

    Args:
        store: Store of the records.
        model: Name of the model.
        monitored: The window.
    """
    windows = earlier_windows(store, model, monitored)
    records = (find_record(store, one.ref(model, "drift")) for one in windows)
    return [record.verdict.numbers for record in records if record is not None]


def earlier_windows(
    store: Store, model: str, monitored: MonitoredWindow
) -> Iterator[MonitoredWindow]:
    """Yield a version's windows before one, the newest first, whether measured or not.

    Args:
        store: Store of what was joined.
        model: Name of the model.
        monitored: The window.
    """
    unit, start = monitored.window.unit, monitored.window.start
    joined = read_joined(store, model, monitored.version, unit).values()
    by_end = {window.end: window for window in joined}
    for _ in range(WINDOWS):
        before = by_end.get(start) or window_at(start - _MOMENT, unit)
        yield MonitoredWindow(before, monitored.version)
        start = before.start
