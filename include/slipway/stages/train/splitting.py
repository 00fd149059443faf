"""Split labelled rows by time into training rows and a holdout."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from slipway.errors import NotComputable
from slipway.spec.model import Training

if TYPE_CHECKING:
    import pandas as pd

PART = "part"


@dataclass(frozen=True)
class Split:
    """Labelled rows with a column `part`, either `training` or `holdout`; in time order.

    Attributes:
        rows: Rows of both parts.
        event_time: Name of the event-time column.
    """

    rows: pd.DataFrame
    event_time: str

    @property
    def training(self) -> pd.DataFrame:
        """Training rows."""
        return self.rows[self.rows[PART] == "training"]

    @property
    def holdout(self) -> pd.DataFrame:
        """Holdout rows; all of them are newer than the training rows."""
        return self.rows[self.rows[PART] == "holdout"]

    def span(self, part: Literal["training", "holdout"]) -> tuple[str, str]:
        """Return the first and last event time of a part, ISO 8601."""
        times = self.rows.loc[self.rows[PART] == part, self.event_time]
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
    kept = rows
    if training.window_days is not None:
        kept = rows[times >= start - timedelta(days=training.window_days)]
    parts = (kept[event_time] >= start).map({True: "holdout", False: "training"})
    divided = Split(kept.assign(**{PART: parts}), event_time)
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


def to_target(values: pd.Series[Any], task: str) -> pd.Series[Any]:
    """Return labels as numbers: 0 and 1 for classification, floats for regression.

    Raises:
        NotComputable: A label of a classification is neither.
    """
    numbers = values.astype("float64")
    if task == "classification" and not numbers.isin([0.0, 1.0]).all():
        raise NotComputable(
            "the labels do not fit the task",
            expected="0 and 1, or false and true",
            found="other values",
            where=f"column {values.name}",
        )
    return numbers.astype("int64") if task == "classification" else numbers
