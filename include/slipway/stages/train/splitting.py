"""Split labelled rows by time into training rows and a holdout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal

from slipway.errors import NotComputable
from slipway.spec.model import Training

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Split:
    """Labelled rows in time order: first the training rows, then the holdout.

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
        """Holdout rows; all of them are newer than the training rows."""
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
    # Slices of rows in time order share their memory.
    kept = rows.iloc[first:]
    divided = Split(kept, len(kept) - held_out, event_time)
    require_rows(len(divided.training), training.min_rows, what="training rows")
    require_rows(len(divided.holdout), 1, what="holdout rows")
    return divided


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
