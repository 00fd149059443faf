"""Find the windows whose operations are due: closed ones, and those that could not be read yet.

Metrics live in wall time and are kept for weeks, so the newest windows alone are due, and one of
which Prometheus gave no answer is measured again, as a revision beside the first record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from slipway.records.run_records import RunRecord
from slipway.stages.monitor.windows.revisions import newest_revision

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.stages.monitor.windows.windows import MonitoredWindow

STAGE = "operations"

UNREACHABLE = "unreachable"
"""Number of a verdict: Prometheus gave no answer."""

NEWEST = 24
"""Windows that can be due."""

MOST_REVISIONS = 9
FIRST_WAIT = timedelta(minutes=30)
"""Before the first revision; each further one waits twice as long, the last one five days."""


def newest_operations(store: Store, model: str, monitored: MonitoredWindow) -> RunRecord | None:
    """Return the newest record of a window's operations; None before it is measured."""
    return newest_revision(store, model, monitored, stage=STAGE, at_most=MOST_REVISIONS)


def due_operations(
    model: str, windows: Sequence[MonitoredWindow], *, store: Store, now: datetime
) -> Iterator[MonitoredWindow]:
    """Yield the windows, or their revisions, whose operations are to be measured, oldest first.

    Args:
        model: Name of the model.
        windows: Closed windows of one version, oldest first.
        store: Store of the records.
        now: Wall time; a window of the future, by an event clock that runs ahead, waits for it.
    """
    for monitored in windows[-NEWEST:]:
        record = newest_operations(store, model, monitored)
        if record is None:
            if monitored.window.end <= now:
                yield monitored
            continue
        number = int(record.inputs.get("revision", 0))
        waited = now - datetime.fromisoformat(record.finished_at)
        if (
            record.verdict.numbers.get(UNREACHABLE)
            and number < MOST_REVISIONS
            and waited >= FIRST_WAIT * 2**number
        ):
            yield replace(monitored, revision=number + 1)
