"""Prediction log port: predictions that were served, or scored in batches."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd


class PredictionLog(Protocol):
    """Logged predictions of every model, by event time.

    Every method raises `StoreUnavailable` when the store does not answer.
    """

    def days(self, model: str) -> list[date]:
        """Days of event time, UTC, that hold predictions, oldest first."""

    def read(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Rows with event time in [start, end), ordered by it; each prediction once.

        Args:
            model: Name of the model.
            start: First moment; None: from the beginning.
            end: Moment after the last; None: to the end.
            version: Model version; None: all.
            columns: Columns to read, beside the log's own; None: all.

        Raises:
            NotComputable: A segment cannot be read.
        """

    def count(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
    ) -> int:
        """Number of rows that `read` returns for the same arguments."""
