"""Rows of a table, and their publication as one batch."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pandas as pd

from slipway.adapters.delta_tables import DeltaTables
from slipway.records.attempts import Attempt
from slipway.records.run_records import RunRef
from tests.fakes.memory_store import MemoryStore
from tests.fakes.memory_tables import MemoryTables

TABLE = "flights/features"
START = datetime(2013, 1, 1, tzinfo=UTC)
Tables = DeltaTables | MemoryTables


def rows_at(*hours: float, first: int = 0) -> pd.DataFrame:
    """One row per hour after `START`, with a column of each kept type and one gap.

    Args:
        *hours: Event time of each row.
        first: Number in the first row's key.
    """
    return pd.DataFrame(
        {
            "key": [f"k{first + row}" for row in range(len(hours))],
            "at": pd.to_datetime([START + timedelta(hours=hour) for hour in hours], utc=True),
            "seats": pd.array([None if row == 1 else row for row in range(len(hours))], "Int64"),
            "late": pd.array([row == 0 for row in range(len(hours))], "boolean"),
            "miles": [float(hour) for hour in hours],
        }
    )


def begun_attempt(number: int = 1, *, begun: int | None = None) -> Attempt:
    """Attempt `number` of a piece of work of which `begun` attempts have begun."""
    store, ref = MemoryStore(), RunRef("flights", "features-a", "ingest")
    for one in range(1, (begun or number) + 1):
        store.create(f"{ref.folder}/attempt-{one:04d}.json", b"{}")
    return Attempt(store, ref, number)


def publish(
    tables: Tables,
    frame: pd.DataFrame,
    batch: str,
    *,
    writer: str = "w",
    attempt: int = 1,
    delivery: int | None = None,
) -> int:
    """Publish a batch by the newest attempt; the table's version."""
    return tables.publish(
        TABLE,
        [frame],
        batch=batch,
        writer=writer,
        attempt=begun_attempt(attempt),
        note={"run": writer},
        delivery=delivery,
    )


def keys(tables: Tables, **arguments: Any) -> list[str]:
    """Sorted keys of the rows that a read returns."""
    return sorted(tables.read(TABLE, **arguments)["key"])
