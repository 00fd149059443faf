"""Reading the prediction log: the Parquet segments that the shipper left in the store."""

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
    """Answered requests of every model, one row per row asked.

    Invariant: a segment that was shipped twice counts once, by (request_id, row, key). The key is
    among them because clients may give every request one and the same id, as V2 lets them.

    Args:
        store: Where segments lie, below `predictions/<model>/day=YYYY-MM-DD/`.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def days(self, model: str) -> list[date]:
        """Days of event time, UTC, that hold at least one segment, oldest first."""
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
        """Rows whose event time lies in [start, end), ordered by it.

        `event_time` comes back as a UTC timestamp and `version` as an integer; a column that no
        segment holds is not there.

        Args:
            model: Whose log.
            start: First moment that counts; none: from the beginning.
            end: First moment that no longer counts; none: to the end.
            version: Only what this model version answered; none: all of them.
            columns: Only these, beside request_id, row, event_time and version; none: all.

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
        """How many rows `read` would return.

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
    """Whether any row is of a version; other versions may know a column as another type."""
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
