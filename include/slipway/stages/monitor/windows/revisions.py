"""Find the newest record of a window that may have been measured again, as revisions beside it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from slipway.records.run_records import RunRecord, find_record

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.monitor.windows.windows import MonitoredWindow


def newest_revision(
    store: Store, model: str, monitored: MonitoredWindow, *, stage: str, at_most: int
) -> RunRecord | None:
    """Return the newest record of a stage on a window; None before it is measured.

    Args:
        store: Store of the records.
        model: Name of the model.
        monitored: The window.
        stage: Stage that measures it.
        at_most: Most revisions that it makes.
    """
    newest = None
    for number in range(at_most + 1):
        record = find_record(store, replace(monitored, revision=number).ref(model, stage))
        if record is None:
            return newest
        newest = record
    return newest
