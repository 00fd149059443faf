"""Labelled rows divided in time: what a model learns from, and what it is judged on."""

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
class Parts:
    """Labelled rows with a column `part`, either `training` or `holdout`; in time order.

    Attributes:
        rows: All of them.
        event_time: Name of their event-time column.
    """

    rows: pd.DataFrame
    event_time: str

    @property
    def training(self) -> pd.DataFrame:
        """Rows to learn from."""
        return self.rows[self.rows[PART] == "training"]

    @property
    def holdout(self) -> pd.DataFrame:
        """Rows to be judged on; all of them follow the training rows."""
        return self.rows[self.rows[PART] == "holdout"]

    def span(self, part: Literal["training", "holdout"]) -> tuple[str, str]:
        """First and last event time of a part, ISO 8601."""
        times = self.rows.loc[self.rows[PART] == part, self.event_time]
        return times.min().isoformat(), times.max().isoformat()


def divide(
    rows: pd.DataFrame,
    *,
    event_time: str,
    training: Training,
    holdout_start: datetime | None = None,
) -> Parts:
    """Rows divided in time: the holdout is the newest, the training rows come before it.

    Args:
        rows: Labelled rows, in time order.
        event_time: Name of their event-time column.
        training: Length of holdout and window, and the fewest training rows.
        holdout_start: Where the holdout begins, if a model has its own idea.

    Raises:
        NotComputable: Too few rows are left to learn from, or none to be judged on.
    """
    times = rows[event_time]
    newest = times.max()
    start = holdout_start or newest - timedelta(days=training.holdout_days)
    kept = rows
    if training.window_days is not None:
        kept = rows[times >= start - timedelta(days=training.window_days)]
    parts = (kept[event_time] >= start).map({True: "holdout", False: "training"})
    divided = Parts(kept.assign(**{PART: parts}), event_time)
    check_enough(len(divided.training), training.min_rows, what="training rows")
    check_enough(len(divided.holdout), 1, what="holdout rows")
    return divided


def check_enough(found: int, needed: int, *, what: str) -> None:
    """Make sure that there are as many rows as are needed.

    Raises:
        NotComputable: There are fewer.
    """
    if found < needed:
        raise NotComputable(
            f"there are too few {what}",
            expected=f"at least {needed:,}",
            found=f"{found:,}",
            hint="wait for more labels, or change `training` in model.yaml",
        )


def as_target(values: pd.Series[Any], task: str) -> pd.Series[Any]:
    """Labels as numbers: 0 and 1 for classification, floats for regression.

    Raises:
        NotComputable: A classification's labels are something else.
    """
    numbers = values.astype("float64")
    if task == "classification" and not numbers.isin([0.0, 1.0]).all():
        raise NotComputable(
            "the labels do not fit the task",
            expected="0 and 1, or false and true",
            found="something else",
            where=f"column {values.name}",
        )
    return numbers.astype("int64") if task == "classification" else numbers
