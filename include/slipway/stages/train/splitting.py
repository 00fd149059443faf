"""Split labelled rows into training rows and a holdout: by time, or at random."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from slipway.errors import NotComputable
from slipway.spec.training import Training

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd


@dataclass(frozen=True)
class Split:
    """Labelled rows: first the training rows, then the holdout, each in time order.

    A refit learns from all rows, and has no holdout.

    Attributes:
        rows: Rows of both parts.
        training_rows: Number of training rows.
        event_time: Name of the event-time column.
    """

    rows: pd.DataFrame
    training_rows: int
    event_time: str

    @property
    def training(self) -> pd.DataFrame:
        """Training rows."""
        return self.rows.iloc[: self.training_rows]

    @property
    def holdout(self) -> pd.DataFrame:
        """Holdout rows; by time, all of them are newer than the training rows."""
        return self.rows.iloc[self.training_rows :]

    def span(self, part: Literal["training", "holdout"]) -> tuple[str, str]:
        """Return the first and last event time of a part, ISO 8601."""
        rows = self.training if part == "training" else self.holdout
        times = rows[self.event_time]
        return times.min().isoformat(), times.max().isoformat()


def split_by_time(
    rows: pd.DataFrame,
    *,
    event_time: str,
    training: Training,
    holdout_start: datetime | None = None,
) -> Split:
    """Split rows by time: the newest are the holdout, the training rows precede it.

    Args:
        rows: Labelled rows, in time order.
        event_time: Name of the event-time column.
        training: Length of holdout and window, and the least number of training rows.
        holdout_start: Start of the holdout by the model's own `split`; None: `holdout_days`.

    Raises:
        NotComputable: There are too few training rows, or no holdout rows.
    """
    times = rows[event_time]
    newest = times.max()
    start = holdout_start or newest - timedelta(days=training.holdout_days)
    first = 0
    if training.window_days is not None:
        first = int((times < start - timedelta(days=training.window_days)).sum())
    held_out = int((times >= start).sum())
    if held_out == len(rows):
        raise _none_is_older(times, start)
    # Slices of rows in time order share their memory.
    kept = rows.iloc[first:]
    return _with_enough_rows(Split(kept, len(kept) - held_out, event_time), training)


def split_at_random(
    rows: pd.DataFrame,
    held_out: np.ndarray[Any, np.dtype[np.bool_]],
    *,
    event_time: str,
    training: Training,
) -> Split:
    """Split rows by a mask; a window leaves out the oldest rows of both parts.

    Args:
        rows: Labelled rows, in time order.
        held_out: Whether each row is of the holdout.
        event_time: Name of the event-time column.
        training: Length of the window, and the least number of training rows.

    Raises:
        NotComputable: There are too few training rows, or no holdout rows.
    """
    import pandas as pd

    if training.window_days is not None:
        times = rows[event_time]
        inside = (times >= times.max() - timedelta(days=training.window_days)).to_numpy()
        rows, held_out = rows[inside], held_out[inside]
    parts = rows[~held_out], rows[held_out]
    divided = Split(pd.concat(parts), len(parts[0]), event_time)
    return _with_enough_rows(divided, training)


def without_holdout(divided: Split, *, training: Training) -> Split:
    """Return all rows as training rows; a window keeps its length, and ends with the newest row.

    Args:
        divided: Rows in two parts.
        training: Length of the window, and the least number of training rows.

    Raises:
        NotComputable: There are too few rows.
    """
    rows, event_time = divided.rows, divided.event_time
    if not rows[event_time].is_monotonic_increasing:
        rows = rows.sort_values(event_time, kind="stable")
    if training.window_days is not None:
        times = rows[event_time]
        rows = rows[times >= times.max() - timedelta(days=training.window_days)]
    require_rows(len(rows), training.min_rows, what="training rows")
    return Split(rows, len(rows), event_time)


def _with_enough_rows(divided: Split, training: Training) -> Split:
    require_rows(len(divided.training), training.min_rows, what="training rows")
    require_rows(len(divided.holdout), 1, what="holdout rows")
    return divided


def _none_is_older(times: pd.Series[Any], start: datetime) -> NotComputable:
    """Error where the holdout would hold every row: one time, or few days."""
    if times.min() == times.max():
        return NotComputable(
            "the rows cannot be split by time: all have one event time",
            expected="labelled rows of several event times",
            found=f"one for all {len(times):,}, as where it is the arrival of one delivery",
            hint="set `training: {split: random}` in model.yaml, or wait for a later delivery",
        )
    return NotComputable(
        "the rows cannot be split by time: the holdout would hold all of them",
        expected=f"labelled rows from before {start:%Y-%m-%d %H:%M}, where it begins",
        found=f"none; the first is from {times.min():%Y-%m-%d %H:%M}",
        hint="shorten `training.holdout_days` in model.yaml, set `training: {split: random}`, or "
        "wait for more labels",
    )


def require_rows(found: int, needed: int, *, what: str) -> None:
    """Raise unless there are enough rows.

    Raises:
        NotComputable: There are too few.
    """
    if found < needed:
        raise NotComputable(
            f"there are too few {what}",
            expected=f"at least {needed:,}",
            found=f"{found:,}",
            hint="wait for more labels, or change `training` in model.yaml",
        )
