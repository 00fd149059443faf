"""Windows of a champion's predictions that are to be monitored."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from slipway.errors import NotComputable
from slipway.stages.model.version_tags import TRAINING_END
from slipway.stages.monitor.windows import MonitoredWindow, closed_windows, midnight, window_at
from slipway.values.value_types import LATEST

if TYPE_CHECKING:
    from slipway.spec import ModelSpec
    from slipway.stages.ports.prediction_log import PredictionLog
    from slipway.stages.ports.registry import ModelVersion

_DAY = timedelta(days=1)


def monitored_windows(
    spec: ModelSpec, champion: ModelVersion, clock: datetime, log: PredictionLog
) -> Iterator[MonitoredWindow]:
    """Closed windows with predictions, oldest first, from the end of the champion's training.

    Predictions of its training rows are no evidence of its performance.
    """
    unit = spec.monitoring.window
    since = champion.tags.get(TRAINING_END)
    first = window_at(datetime.fromisoformat(since), unit).start if since else None
    days = [midnight(day) for day in log.days(spec.model)]
    if not days:
        return
    # An absurd clock must not lead through thousands of years of windows without predictions.
    last = window_at(min(days[-1], LATEST - _DAY) + _DAY, unit)
    until = min(clock, last.end)
    for window in closed_windows(max(days[0], first or days[0]), until, unit):
        if any(window.start - day < _DAY and day < window.end for day in days):
            yield MonitoredWindow(window, champion.version)


def has_predictions(
    spec: ModelSpec, monitored: MonitoredWindow, clock: datetime, log: PredictionLog
) -> bool:
    """Whether a window has enough predictions, or is old enough that no more will come."""
    window = monitored.window
    try:
        count = log.count(spec.model, window.start, window.end, version=monitored.version)
    except NotComputable:
        return True
    complete = count >= spec.monitoring.min_rows or clock >= window.following().end
    return count > 0 and complete
