"""Keep, of rows with one key, the row that was delivered last."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import pandas as pd

BATCH = "_batch"
DELIVERY = "_delivery"
"""Number of a row's delivery in the dataset's order; null in rows from before it was kept."""

AVAILABLE_AT = "_available_at"
"""Event clock at the delivery of a row; only in rows from before `DELIVERY` was kept."""


class _HasColumns(Protocol):
    def columns(self, table: str, *, version: int) -> tuple[str, ...]: ...


def order_columns(tables: _HasColumns, table: str, *, version: int) -> list[str]:
    """Return the columns of a table's version that tell the order of its deliveries."""
    known = tables.columns(table, version=version)
    if AVAILABLE_AT not in known:
        return [DELIVERY]
    return [name for name in (DELIVERY, AVAILABLE_AT, BATCH) if name in known]


def in_delivery_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Sort rows as they were delivered, the oldest first.

    Rows without a number are older than all numbered ones; the event clock at their delivery tells
    their order, then the name of their batch.
    """
    by = [name for name in (DELIVERY, AVAILABLE_AT, BATCH) if name in rows]
    return rows.sort_values(by, na_position="first", kind="stable")


def newest_by_key(rows: pd.DataFrame, key: str, *, drop: Sequence[str] = ()) -> pd.DataFrame:
    """Return one row per key, in no promised order: the one that was delivered last.

    Args:
        rows: Rows with the columns of `order_columns`.
        key: Column of the key.
        drop: Columns to leave out of the result.
    """
    # Most tables hold each key once, and sorting copies all rows.
    if not rows[key].is_unique:
        rows = in_delivery_order(rows).drop_duplicates(key, keep="last")
    return rows.drop(columns=list(drop))
