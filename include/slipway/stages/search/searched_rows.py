"""Rows that a search sees: training rows alone, with what they are divided by."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slipway.spec.labels import Label

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class SearchedRows:
    """Training rows of a search.

    Attributes:
        rows: In time order; of a classification the target has the codes of its classes.
        times: Name of the event-time column.
        keys: Key of each row where rows are split at random; None: by time.
        classes: Classes by their codes; None for a regression.
    """

    rows: pd.DataFrame
    times: str
    keys: pd.Series[Any] | None
    classes: Sequence[Label] | None
