"""KPI queries port: SQL over a window's rows, which reads nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

    from slipway.values.value_types import ColumnType

Views = Mapping[str, Mapping[str, "ColumnType"]]
"""Types of the columns of each view, by name."""

Parameters = Mapping[str, "datetime | int"]


class KpiQueries(Protocol):
    """Queries that give one number."""

    def mistake(self, sql: str, views: Views, parameters: Parameters) -> str | None:
        """Return what is wrong with a query over empty views, or None.

        Args:
            sql: The query.
            views: Columns of each view.
            parameters: Values of the parameters that it may use.
        """

    def evaluate(
        self, sql: str, rows: Mapping[str, pd.DataFrame], parameters: Parameters
    ) -> float | None:
        """Return the number of a query; None where it is missing (NULL, or no row).

        Args:
            sql: The query.
            rows: Rows of each view.
            parameters: Values of the parameters that it may use.

        Raises:
            NotComputable: The query is wrong, took too long or too much memory, or gave more than
                one number; no value of the data is told.
        """
