"""Columns that the drift monitor compares, and their values made comparable."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Columns:
    """Columns to compare, and the Evidently distance for each kind."""

    numeric: tuple[str, ...]
    categorical: tuple[str, ...]
    numeric_method: str
    categorical_method: str

    @property
    def names(self) -> tuple[str, ...]:
        """All of them, numeric first."""
        return (*self.numeric, *self.categorical)

    def methods(self) -> dict[str, str]:
        """Distance method by column."""
        return dict.fromkeys(self.numeric, self.numeric_method) | dict.fromkeys(
            self.categorical, self.categorical_method
        )


def tidy(frame: pd.DataFrame, columns: Columns) -> pd.DataFrame:
    """The compared columns as numbers or texts, null where there is no usable value."""
    import pandas as pd

    tidied = {}
    for name in columns.names:
        values = frame[name] if name in frame else pd.Series(None, frame.index, dtype=object)
        if name in columns.numeric:
            numbers = pd.to_numeric(values, errors="coerce").astype("float64")
            tidied[name] = numbers.where(numbers.abs() != float("inf"))
        else:
            tidied[name] = values.astype(object).map(str, na_action="ignore")
    return pd.DataFrame(tidied, index=frame.index)
