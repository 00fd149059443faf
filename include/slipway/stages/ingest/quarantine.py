"""Quarantine: bad rows with their reasons, and the files of blocked batches."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Protocol

from slipway.records.landing_area import Delivery
from slipway.records.store import Store

if TYPE_CHECKING:
    import pandas as pd

REASON_COLUMN = "_reason"


class PackRows(Protocol):
    """Encodes quarantined rows."""

    def __call__(self, frame: pd.DataFrame) -> bytes:
        """Return a frame as the bytes of a Parquet file."""


def quarantine_key(table: str, batch: str, *, revision: int) -> str:
    """Key in the store, without a suffix, of what a revision of a batch leaves out."""
    return f"quarantine/{table}/{batch}/r{revision:04d}"


def keep_bad_rows(
    store: Store,
    key: str,
    delivered: pd.DataFrame,
    reasons: Mapping[int, str],
    *,
    pack: PackRows,
) -> str:
    """Write the bad rows of a delivery, each with its reason; return the address.

    Args:
        store: Store of the quarantine.
        key: From `quarantine_key`.
        delivered: Rows as delivered.
        reasons: Reason by label of the row's index.
        pack: Encodes the rows.
    """
    bad = delivered.loc[list(reasons)].assign(**{REASON_COLUMN: list(reasons.values())})
    store.write(f"{key}.parquet", pack(bad))
    return store.uri(f"{key}.parquet")


def keep_blocked(store: Store, key: str, delivery: Delivery, data: bytes) -> str:
    """Write the file of a blocked batch as it was delivered; return the address."""
    key = f"{key}.blocked{delivery.suffix}"
    store.write(key, data)
    return store.uri(key)
