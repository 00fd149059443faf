"""Quarantine: bad rows with their reasons, and the files of blocked batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Protocol

from slipway.records.landing_area import Delivery
from slipway.records.store import Store
from slipway.spec.identity import DERIVED
from slipway.stages.ingest.delivered_cells import delivered_cells, join_frames
from slipway.stages.ingest.fetched import Fetched, parts_of

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    from slipway.stages.ingest.validation import ValidatedDelivery
    from slipway.stages.ports.delivery_source import DeliveredRows

REASON_COLUMN = "_reason"
LINE_COLUMN = "_line"
TEXT_COLUMN = "_text"
SAMPLE_ROWS = 100_000
"""Rows, and lines, that are kept of a blocked batch; its file is kept as a whole."""


class PackRows(Protocol):
    """Encodes quarantined rows."""

    def __call__(self, frame: pd.DataFrame) -> bytes:
        """Return a frame as the bytes of a Parquet file."""


def quarantine_key(table: str, batch: str, *, revision: int) -> str:
    """Key in the store, without a suffix, of what a revision of a batch leaves out."""
    return f"quarantine/{table}/{batch}/r{revision:04d}"


def keep_bad_rows(store: Store, key: str, seen: ValidatedDelivery, *, pack: PackRows) -> str:
    """Write the bad rows of a delivery as delivered, each with its reasons; return the address.

    The delivery is read a second time. Of a blocked one only the first rows and lines are
    written.

    Args:
        store: Store of the quarantine.
        key: From `quarantine_key`.
        seen: Result of validating the delivery.
        pack: Encodes the rows.
    """
    at_most = SAMPLE_ROWS if seen.blocks else None
    rows = join_frames(_bad_rows(seen, at_most=at_most))
    store.write(f"{key}.parquet", pack(rows))
    return store.uri(f"{key}.parquet")


def _bad_rows(seen: ValidatedDelivery, *, at_most: int | None) -> Iterator[pd.DataFrame]:
    import numpy as np
    import pandas as pd

    bad = np.flatnonzero(~seen.good)[:at_most]
    reasons = seen.faults.texts(bad)
    lines_left = seen.faults.lines if at_most is None else at_most
    first = 0
    for part in seen.delivery.rows([name for name in seen.spool.names if name not in DERIVED]):
        rows = bad[(bad >= first) & (bad < first + part.count)]
        if len(rows):
            frame = _as_delivered(part, rows - first)
            yield frame.assign(**{REASON_COLUMN: [reasons[row] for row in rows.tolist()]})
        if kept := part.broken[:lines_left]:
            lines_left -= len(kept)
            lines = [(one.reason, one.line, one.text) for one in kept]
            yield pd.DataFrame(lines, columns=[REASON_COLUMN, LINE_COLUMN, TEXT_COLUMN])
        first += part.count


def _as_delivered(part: DeliveredRows, rows: np.ndarray) -> pd.DataFrame:
    """Some rows in the types of the file, with the numbers of their lines."""
    import pandas as pd

    columns = {name: delivered_cells(cells, rows) for name, cells in part.columns.items()}
    if part.lines is not None:
        columns[LINE_COLUMN] = pd.Series([part.lines[row] for row in rows], dtype="int64")
    return pd.DataFrame(columns)


def keep_blocked(store: Store, key: str, delivery: Delivery, fetched: Fetched) -> str:
    """Write the files of a blocked batch as they were delivered; return the address."""
    key = f"{key}.blocked{delivery.suffix}"
    for part in parts_of(fetched.path):
        inside = "" if part == fetched.path else f"/{part.relative_to(fetched.path).as_posix()}"
        store.upload(part, f"{key}{inside}")
    return store.uri(key)
