"""Read the prediction log: the Parquet segments that the shipper wrote to the store."""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from slipway.errors import NotComputable
from slipway.records.store import Store
from slipway.stages.monitor.reference.row_sample import BATCH_ROWS, RowSample, hash_rows
from slipway.stages.ports.prediction_log import SampledRows

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
        tables = [
            table
            for key in self._segments(model, start, end)
            if _holds(table := self._segment(key, wanted), version)
        ]
        rows = _joined(tables, model, wanted)
        rows["event_time"] = _moments(rows["event_time"])
        rows = rows[_between(rows["event_time"], start, end)].assign(
            version=lambda frame: frame["version"].astype("int64")
        )
        if version is not None:
            rows = rows[rows["version"] == version]
        same = [name for name in (*_IDENTITY, "key") if name in rows]
        return _in_order(rows.drop_duplicates(same), asked)

    def stream(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows that `read` returns in batches, by segment; see the port.

        Args:
            model: Name of the model.
            start: First moment of event time; None: from the beginning.
            end: End of event time, exclusive; None: to the end.
            version: Model version that answered; None: all.
            columns: Columns beside request_id, row, event_time, version and key; None: all.

        Raises:
            NotComputable: A segment is not readable.
            StoreUnavailable: The store does not answer.
        """
        wanted = None if columns is None else list(dict.fromkeys([*_ALWAYS, *columns, "key"]))
        for key in self._segments(model, start, end):
            for batch in self._batches(key, wanted):
                times, places = _chosen(batch, start=start, end=end, version=version)
                if len(places):
                    rows = batch.take(pa.array(places)).to_pandas()
                    versions = rows["version"].astype("int64")
                    yield rows.assign(event_time=times.iloc[places].array, version=versions)

    def sample(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        rows: int,
        seed: int,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> SampledRows:
        """Return a uniform sample of the rows that `read` returns, and counts of all of them.

        Segments are decoded in batches: memory holds one segment as it is stored, the sample, and
        two hashes for each row.

        Args:
            model: Name of the model.
            start: First moment of event time; None: from the beginning.
            end: End of event time, exclusive; None: to the end.
            rows: Largest sample.
            seed: Seed of the sample; the order of segments does not change it.
            version: Model version that answered; None: all.
            columns: Columns beside request_id, row, event_time and version; None: all.

        Raises:
            NotComputable: A segment is not readable, or segments disagree about a column's type.
            StoreUnavailable: The store does not answer.
        """
        asked = None if columns is None else list(dict.fromkeys([*_ALWAYS, *columns]))
        wanted = None if asked is None else list(dict.fromkeys([*asked, "key"]))
        drawn = RowSample(rows, seed=seed)
        for key in self._segments(model, start, end):
            for batch in self._batches(key, wanted):
                _draw(drawn, batch, start=start, end=end, version=version)
        tables = [pa.Table.from_batches([batch]) for batch in drawn.batches()]
        chosen = _joined(tables, model, wanted)
        chosen["event_time"] = _moments(chosen["event_time"])
        chosen = chosen.assign(version=lambda frame: frame["version"].astype("int64"))
        return drawn.result(_in_order(chosen, asked))

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
        counted = RowSample(0, seed=0)
        for key in self._segments(model, start, end):
            for batch in self._batches(key, [*_ALWAYS, "key"]):
                _draw(counted, batch, start=start, end=end, version=version)
        return counted.count

    def _segments(self, model: str, start: datetime | None, end: datetime | None) -> Iterator[str]:
        """Keys of the segments of the days that hold any of [start, end)."""
        days = self.days(model) if start is None or end is None else _days_between(start, end)
        for day in days:
            if not _touches(day, start, end):
                continue
            for entry in self._store.list(f"predictions/{model}/day={day.isoformat()}"):
                if entry.key.endswith(".parquet"):
                    yield entry.key

    def _segment(self, key: str, columns: list[str] | None) -> pa.Table:
        data = self._store.read(key)
        with _readable(key):
            file = pq.ParquetFile(io.BytesIO(data))
            return file.read(columns=_held(file, columns))

    def _batches(self, key: str, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
        data = self._store.read(key)
        with _readable(key):
            file = pq.ParquetFile(io.BytesIO(data))
            yield from file.iter_batches(BATCH_ROWS, columns=_held(file, columns))


@contextmanager
def _readable(key: str) -> Iterator[None]:
    """Raise `NotComputable` where a segment is not Parquet."""
    try:
        yield
    except (pa.ArrowException, OSError) as error:
        raise NotComputable(
            "a segment of the prediction log is not readable", found=str(error), where=key
        ) from error


def _held(file: pq.ParquetFile, columns: list[str] | None) -> list[str]:
    held = file.schema_arrow.names
    return [name for name in columns or held if name in held]


def _draw(
    sample: RowSample,
    batch: pa.RecordBatch,
    *,
    start: datetime | None,
    end: datetime | None,
    version: int | None,
) -> None:
    """Add the rows of a batch with event time in [start, end) to a sample."""
    times, places = _chosen(batch, start=start, end=end, version=version)
    identity = hash_rows(batch, (*_IDENTITY, "key"), places)
    sample.add(batch, times.iloc[places], places, identity=identity)


def _chosen(
    batch: pa.RecordBatch, *, start: datetime | None, end: datetime | None, version: int | None
) -> tuple[pd.Series[Any], np.ndarray[Any, np.dtype[np.int64]]]:
    """Event times of a batch, and the places of its rows in [start, end) of a version."""
    times = _moments(batch.column("event_time").to_pandas())
    kept = _between(times, start, end)
    if version is not None:
        kept &= batch.column("version").to_pandas().astype("int64") == version
    return times, np.flatnonzero(kept.to_numpy())


def _moments(times: pd.Series[Any]) -> pd.Series[Any]:
    return pd.to_datetime(times, utc=True, format="ISO8601")


def _between(
    times: pd.Series[Any], start: datetime | None, end: datetime | None
) -> pd.Series[bool]:
    kept = times.notna()
    if start is not None:
        kept &= times >= start
    if end is not None:
        kept &= times < end
    return kept


def _in_order(rows: pd.DataFrame, asked: list[str] | None) -> pd.DataFrame:
    """Return rows by event time, with the requested columns."""
    rows = rows.sort_values(["event_time", *_IDENTITY]).reset_index(drop=True)
    return rows if asked is None else rows[[name for name in rows if name in asked]]


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
