"""Windows of a champion's predictions that are to be monitored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, datetime, timedelta
from typing import TYPE_CHECKING

from slipway.errors import NotFound
from slipway.stages.model.version_tags import TRAINING_END
from slipway.stages.monitor.windows.joined_windows import read_joined
from slipway.stages.monitor.windows.windows import (
    MonitoredWindow,
    Window,
    closed_windows,
    midnight,
    window_at,
)
from slipway.values.value_types import LATEST

if TYPE_CHECKING:
    from slipway.records.store import Store
    from slipway.spec import ModelSpec
    from slipway.stages.ports.registry import ModelVersion, Registry

MOST_FORMER = 3
"""Versions before the watched one whose windows may wait for labels."""

_DAY = timedelta(days=1)


def monitored_windows(
    spec: ModelSpec,
    champion: ModelVersion,
    clock: datetime,
    *,
    logged: Sequence[date],
    store: Store,
) -> Iterator[MonitoredWindow]:
    """Closed windows with predictions, oldest first, from the end of the champion's training.

    Windows that were joined, since each had too few predictions, are one. Predictions of its
    training rows are no evidence of its performance.

    Args:
        spec: The model.
        champion: The version.
        clock: Event clock.
        logged: Days of event time that have predictions, oldest first.
        store: Store of what was joined.
    """
    unit = spec.monitoring.window
    since = champion.tags.get(TRAINING_END)
    first = window_at(datetime.fromisoformat(since), unit).start if since else None
    days = [midnight(day) for day in logged]
    if not days:
        return
    # An absurd clock must not lead through thousands of years of windows without predictions.
    last = window_at(min(days[-1], LATEST - _DAY) + _DAY, unit)
    until = min(clock, last.end)
    joined = read_joined(store, spec.model, champion.version, unit)
    done = window_at(days[0], unit).start
    for window in closed_windows(max(days[0], first or days[0]), until, unit):
        if window.start in joined:
            done = joined[window.start].end
            yield MonitoredWindow(joined[window.start], champion.version)
        elif window.start >= done and _touches(window, days):
            yield MonitoredWindow(window, champion.version)


def former_windows(
    spec: ModelSpec,
    watched: ModelVersion,
    clock: datetime,
    *,
    logged: Sequence[date],
    store: Store,
    registry: Registry,
) -> Iterator[MonitoredWindow]:
    """Windows of the versions before the watched one whose drift was measured, oldest first.

    Their labels may still be awaited: a model that is trained more often than its labels come would
    else never be judged by them. What they show requests nothing, since another version serves.

    Args:
        spec: The model.
        watched: The version that is watched.
        clock: Event clock.
        logged: Days of event time that have predictions, oldest first.
        store: Store of the records.
        registry: Versions; one that it has lost is passed over.
    """
    for number in range(max(1, watched.version - MOST_FORMER), watched.version):
        try:
            version = registry.version(spec.model, number)
        except NotFound:
            continue
        for window in monitored_windows(spec, version, clock, logged=logged, store=store):
            if store.exists(window.ref(spec.model, "drift").key):
                yield window


def _touches(window: Window, days: Iterable[datetime]) -> bool:
    return any(window.start - day < _DAY and day < window.end for day in days)
