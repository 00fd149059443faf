"""Read the prediction log: the Parquet segments that the shipper wrote to the store."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slipway.errors import NotComputable
from slipway.records.store import Store

_IDENTITY = ("request_id", "row")
_ALWAYS = (*_IDENTITY, "event_time", "version")


class PredictionLog:
    """Answered requests of every model, one row for each row of a request.

    Invariant: rows of a segment that was shipped twice count once, by (request_id, row, key).
    The key is included because V2 lets clients use one id for several requests.

    Args:
        store: Store of the segments, below `predictions/<model>/day=YYYY-MM-DD/`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def days(self, model: str) -> list[date]:
        """Return the days of event time, UTC, that have a segment, oldest first."""
        keys = (entry.key for entry in self._store.list(f"predictions/{model}"))
        return sorted({_day(key) for key in keys if key.endswith(".parquet")})

    def read(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> pd.DataFrame:
        """Return rows whose event time lies in [start, end), ordered by it.

        `event_time` is a UTC timestamp and `version` an integer; a column that no segment holds
        is left out.

        Args:
            model: Name of the model.
            start: First moment of event time; None: from the beginning.
            end: End of event time, exclusive; None: to the end.
            version: Model version that answered; None: all.
            columns: Columns beside request_id, row, event_time and version; None: all.

        Raises:
            NotComputable: A segment is not readable, or segments disagree about a column's type.
            StoreUnavailable: The store does not answer.
        """
        asked = None if columns is None else list(dict.fromkeys([*_ALWAYS, *columns]))
        wanted = None if asked is None else list(dict.fromkeys([*asked, "key"]))
        days = self.days(model) if start is None or end is None else _days_between(start, end)
        tables = [
            table
            for day in days
            if _touches(day, start, end)
            for key in self._segments(model, day)
            if _holds(table := self._segment(key, wanted), version)
        ]
        rows = _joined(tables, model, wanted)
        rows["event_time"] = pd.to_datetime(rows["event_time"], utc=True, format="ISO8601")
        kept = rows["event_time"].notna()
        if start is not None:
            kept &= rows["event_time"] >= start
        if end is not None:
            kept &= rows["event_time"] < end
        rows = rows[kept].assign(version=lambda frame: frame["version"].astype("int64"))
        if version is not None:
            rows = rows[rows["version"] == version]
        same = [name for name in (*_IDENTITY, "key") if name in rows]
        rows = rows.drop_duplicates(same).sort_values(["event_time", *_IDENTITY])
        rows = rows.reset_index(drop=True)
        return rows if asked is None else rows[[name for name in rows if name in asked]]

    def count(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
    ) -> int:
        """Return how many rows `read` would return.

        Raises:
            NotComputable: A segment is not readable.
            StoreUnavailable: The store does not answer.
        """
        return len(self.read(model, start, end, version=version, columns=()))

    def _segments(self, model: str, day: date) -> Iterator[str]:
        for entry in self._store.list(f"predictions/{model}/day={day.isoformat()}"):
            if entry.key.endswith(".parquet"):
                yield entry.key

    def _segment(self, key: str, columns: list[str] | None) -> pa.Table:
        data = self._store.read(key)
        try:
            file = pq.ParquetFile(io.BytesIO(data))
            held = file.schema_arrow.names
            return file.read(columns=[c for c in columns or held if c in held])
        except (pa.ArrowException, OSError) as error:
            raise NotComputable(
                "a segment of the prediction log is not readable", found=str(error), where=key
            ) from error


def _day(key: str) -> date:
    return date.fromisoformat(key.split("/")[2].removeprefix("day="))


def _days_between(start: datetime, end: datetime) -> list[date]:
    first = start.astimezone(UTC).date()
    return [first + timedelta(days=n) for n in range((end.astimezone(UTC).date() - first).days + 1)]


def _touches(day: date, start: datetime | None, end: datetime | None) -> bool:
    if start is not None and day < start.astimezone(UTC).date():
        return False
    if end is None:
        return True
    return datetime(day.year, day.month, day.day, tzinfo=UTC) < end


def _holds(table: pa.Table, version: int | None) -> bool:
    """Return whether any row is of a version; a column's type may differ between versions."""
    return version is None or version in map(int, table["version"].unique().to_pylist())


def _joined(tables: list[pa.Table], model: str, columns: list[str] | None) -> pd.DataFrame:
    if not tables:
        return pd.DataFrame({name: [] for name in columns or _ALWAYS})
    try:
        rows: pd.DataFrame = pa.concat_tables(tables, promote_options="permissive").to_pandas()
    except pa.ArrowException as error:
        raise NotComputable(
            "segments of the prediction log disagree about a column's type",
            found=str(error),
            where=f"predictions/{model}",
        ) from error
    return rows
