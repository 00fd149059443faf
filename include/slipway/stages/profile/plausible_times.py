"""Tell which event times of a file its ingestion takes, and the tolerance that it needs."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from slipway.spec.dataset import Arrival
from slipway.stages.ingest.event_clock import implausible

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Mask = np.ndarray[Any, np.dtype[np.bool_]]

DEFAULT_DAYS: float = Arrival.model_fields["event_time_tolerance_days"].default
_MOST_DAYS = 36_525.0
_MOST_BAD = 0.01
"""Share of rows whose times may be absurd; of more the tolerance is raised."""


@dataclass(frozen=True)
class PlausibleTimes:
    """What the ingestion of a file makes of its event times.

    Attributes:
        tolerance_days: `arrival.event_time_tolerance_days` of the dataset.
        taken: Whether each row's time is there and plausible, of shape (n_rows,).
        absurd: Rows whose time is there, and too late to be true.
        newest: The newest plausible time; None: there is none.
    """

    tolerance_days: float
    taken: Mask
    absurd: int
    newest: datetime | None


def judge_times(times: pd.Series[Any], *, now: datetime) -> PlausibleTimes:
    """Return which times are plausible, by the smallest tolerance that leaves few absurd ones.

    Args:
        times: Event time of each row of the sample.
        now: Wall time.
    """
    import numpy as np

    known = times.notna().to_numpy(bool)
    moments = times[known].dt.tz_localize(None).to_numpy("datetime64[us]").astype(np.int64)
    if not len(moments):
        return PlausibleTimes(DEFAULT_DAYS, known, 0, None)

    def absurd(days: float) -> Mask:
        return implausible(moments, clock=None, now=now, tolerance=timedelta(days=days))

    days = DEFAULT_DAYS
    if absurd(days).mean() > _MOST_BAD:
        days = _raised(moments, now, absurd)
    days = max(days, _usual(moments[~absurd(days)]))
    late, taken = absurd(days), known.copy()
    taken[known] = ~late
    newest = times[taken].max() if taken.any() else None
    return PlausibleTimes(days, taken, int(late.sum()), newest)


def _usual(moments: np.ndarray[Any, Any]) -> float:
    """Twice the widest gap of the newer half, as later deliveries have it, in days."""
    import numpy as np

    in_order = np.sort(moments)
    newer = in_order[len(in_order) // 2 :]
    twice = 2 * float(np.diff(newer).max(initial=0)) / 86_400e6
    return 0.0 if twice <= DEFAULT_DAYS else min(_MOST_DAYS, round(twice) + 1.0)


def _raised(moments: np.ndarray[Any, Any], now: datetime, absurd: Any) -> float:
    """Twice the widest distance that has to be bridged, in days."""
    import numpy as np

    in_order = np.unique(moments)
    ahead = in_order - int(now.timestamp() * 1e6)
    distances = np.concatenate([np.diff(in_order), ahead]) / 86_400e6
    tried = np.unique(np.ceil(distances[distances > DEFAULT_DAYS]))
    tried = tried[tried < _MOST_DAYS]
    low, high = 0, len(tried)
    while low < high:
        middle = (low + high) // 2
        if absurd(float(tried[middle])).mean() > _MOST_BAD:
            low = middle + 1
        else:
            high = middle
    return _MOST_DAYS if low == len(tried) else min(_MOST_DAYS, 2 * float(tried[low]) + 1)
