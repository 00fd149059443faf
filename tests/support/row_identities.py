"""Identities of rows whose key and event time are columns."""

from __future__ import annotations

from slipway.spec.identity import RowIdentity, RowKey, RowTime
from slipway.values.value_types import ColumnType


def named_identity(key: str, event_time: str, *, key_type: ColumnType = "string") -> RowIdentity:
    """The identity of rows with a column for either."""
    return RowIdentity(RowKey(key, key_type), RowTime(event_time))
