"""Select rows and columns of a score table by the names that the prediction log has."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import DeltaTable

PARTITION, FEATURES = "_partition", "_features"
"""Columns of the table alone: name of the partition, and fingerprint of its features."""

TIME = "event_time"
KEY = {"key": ds.field("key")}

_OWN = (PARTITION, FEATURES)
_ALWAYS = (TIME, "version")
_AS_LOGGED = {"received_at": "scored_at"}


def no_rows(columns: Sequence[str] | None) -> pd.DataFrame:
    """Return the frame of a table that does not exist."""
    return pd.DataFrame({name: [] for name in dict.fromkeys([*_ALWAYS, *(columns or ())])})


def as_logged(opened: DeltaTable, columns: Sequence[str] | None) -> dict[str, ds.Expression]:
    """Return columns to read, by their names in the prediction log.

    Args:
        opened: The table.
        columns: Columns beside event_time and version; None: all. Missing ones are left out.
    """
    held = [name for name in pa.schema(opened.schema()).names if name not in _OWN]
    named = {**{name: name for name in held}, **_AS_LOGGED}
    asked = dict.fromkeys([*_ALWAYS, *(named if columns is None else columns)])
    return {name: ds.field(named[name]) for name in asked if name in named}


def in_window(start: datetime | None, end: datetime | None, version: int | None) -> ds.Expression:
    """Return the condition of rows with event time in [start, end), of a version or of all."""
    conditions = [ds.field(TIME).is_valid()]
    if start is not None:
        conditions.append(ds.field(TIME) >= pa.scalar(start))
    if end is not None:
        conditions.append(ds.field(TIME) < pa.scalar(end))
    if version is not None:
        conditions.append(ds.field("version") == version)
    whole = conditions[0]
    for condition in conditions[1:]:
        whole &= condition
    return whole
