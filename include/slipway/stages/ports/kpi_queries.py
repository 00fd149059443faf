"""KPI queries port: SQL over a window's rows, which reads nothing else."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from slipway.values.value_types import ColumnType

Views = Mapping[str, Mapping[str, "ColumnType"]]
"""Types of the columns of each view, by name."""

Parameters = Mapping[str, "datetime | int"]


class FilledViews(Protocol):
    """Views with the rows of a window."""

    def evaluate(self, sql: str, parameters: Parameters) -> float | None:
        """Return the number of a query; None where it is missing (NULL, or no row).

        Args:
            sql: The query.
            parameters: Values of the parameters that it may use.

        Raises:
            NotComputable: The query is wrong, took too long or too much memory, or gave more than
                one number; no value of the data is told.
        """


class KpiQueries(Protocol):
    """Queries that give one number."""

    def mistake(self, sql: str, views: Views, parameters: Parameters) -> str | None:
        """Return what is wrong with a query over empty views, or None.

        Args:
            sql: The query.
            views: Columns of each view.
            parameters: Values of the parameters that it may use.
        """

    def used(self, sql: str, views: Views) -> Views:
        """Return the columns that a query may read, and perhaps more; of each view one at least.

        Args:
            sql: The query.
            views: Columns of each view.
        """

    def fill(
        self, views: Views, rows: Mapping[str, Iterable[pd.DataFrame]]
    ) -> AbstractContextManager[FilledViews]:
        """Fill views with rows, which are read once and not kept in memory.

        Args:
            views: Columns of each view; those that no frame has are left out.
            rows: Frames of the rows of each view.

        Raises:
            NotComputable: Frames disagree about a column's type.
            DiskFull: The temporary disk has no room for the rows.
        """
