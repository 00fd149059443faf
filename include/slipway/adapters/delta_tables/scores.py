"""deltalake: each batch model's scores as one Delta table, a partition replaced in one commit.

Monitoring reads it as it reads the prediction log of a model that has a server.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.dataset as ds
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from slipway.adapters.delta_tables.opening import TablesFolder, data_files, ours, refuse_late
from slipway.adapters.delta_tables.types import refuse_other_types, to_arrow, to_pandas
from slipway.errors import CommitConflict
from slipway.records.attempts import Attempt
from slipway.stages.score.partitions import ScoredPartition

_PARTITION = "_partition"
_FEATURES = "_features"
_TIME = "event_time"
_ALWAYS = (_TIME, "version")
_AS_LOGGED = {"received_at": "scored_at"}
_ROW_GROUP_ROWS = 100_000


class ScoreTable:
    """Fulfils scoring's `Scores`, and monitoring's `PredictionDays`.

    Args:
        root: Root of the store: a local folder, or `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        self._folder = TablesFolder(root)

    def held(self, model: str) -> dict[str, ScoredPartition]:
        """What each partition was scored from and by whom, from file statistics."""
        table = _table(model)
        opened = self._folder.find(table)
        files = None if opened is None else data_files(opened, table)
        if files is None or files.empty:
            return {}
        facts = zip(
            files[f"partition.{_PARTITION}"],
            files[f"min.{_FEATURES}"],
            files["min.version"],
            strict=True,
        )
        return {
            partition: ScoredPartition(features, int(version))
            for partition, features, version in facts
        }

    def replace(
        self,
        model: str,
        partition: str,
        frames: Iterable[pd.DataFrame],
        *,
        features: str,
        features_version: int,
        attempt: Attempt,
    ) -> int:
        """Replace a partition's rows in one commit; how many there are now.

        Args:
            model: Whose scores.
            partition: Name of the partition.
            frames: Its rows, a few at a time: read while they are written, and never kept.
            features: Fingerprint of the features that were scored.
            features_version: Version of their table; an older one than was scored is refused.
            attempt: Who commits; an older one than has committed is refused.

        Raises:
            CommitConflict: Another commit to this partition came first.
            Superseded: A newer attempt owns this work, or newer features have been scored.
        """
        table, rows = (
            _table(model),
            _Rows(frames, attempt, **{_PARTITION: partition, _FEATURES: features}),
        )
        current = self._folder.find(table)
        first = rows.first(table)
        if current is None:
            if first is None:
                return 0
            current = self._folder.create(table, first.schema, partition_by=[_PARTITION])
        kept = pa.schema(current.schema())
        schema = kept if first is None else first.schema
        refuse_other_types(schema, kept, table=table)
        fences = {attempt.ref.folder: attempt.number, f"features/{partition}": features_version}
        for writer, number in fences.items():
            refuse_late(current, writer=writer, number=number, table=table)
        with ours("write", table):
            self._write(current, rows, schema, partition=partition, fences=fences, table=table)
        return rows.written

    def _write(
        self,
        current: DeltaTable,
        rows: _Rows,
        schema: pa.Schema,
        *,
        partition: str,
        fences: Mapping[str, int],
        table: str,
    ) -> None:
        commit = CommitProperties(
            custom_metadata={"record": rows.attempt.ref.key},
            app_transactions=[Transaction(writer, number) for writer, number in fences.items()],
        )
        try:
            write_deltalake(
                current,
                pa.RecordBatchReader.from_batches(schema, rows.batches(schema)),
                mode="overwrite",
                predicate=f"{_PARTITION} = '{partition}'",
                schema_mode="merge",
                commit_properties=commit,
                # Rows wait in memory until their group is full.
                writer_properties=WriterProperties(max_row_group_size=_ROW_GROUP_ROWS),
            )
        except CommitFailedError as error:
            raise CommitConflict(
                f"another writer committed to {table} first",
                where=self._folder.uri(table),
                hint="a retry reads what it wrote and can commit",
            ) from error
        except DeltaError:
            # What stopped the rows says more than that they stopped, and quotes none of them.
            if rows.error is not None:
                raise rows.error from None
            raise

    def days(self, model: str) -> list[date]:
        """Days of event time, UTC, within the span of a file, oldest first."""
        table = _table(model)
        opened = self._folder.find(table)
        if opened is None:
            return []
        files = data_files(opened, table)
        return sorted(
            {
                day
                for first, last in zip(files[f"min.{_TIME}"], files[f"max.{_TIME}"], strict=True)
                for day in _days(first, last)
            }
        )

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

        A column that the table does not hold is not there; `received_at` is when a row was scored.

        Args:
            model: Whose scores.
            start: First moment that counts; none: from the beginning.
            end: First moment that no longer counts; none: to the end.
            version: Only what this model version scored; none: all of them.
            columns: Only these, beside event_time and version; none: all.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        table = _table(model)
        opened = self._folder.find(table)
        if opened is None:
            return pd.DataFrame({name: [] for name in dict.fromkeys([*_ALWAYS, *(columns or ())])})
        held = [name for name in pa.schema(opened.schema()).names if not name.startswith("_")]
        as_logged = {**{name: name for name in held}, **_AS_LOGGED}
        asked = dict.fromkeys([*_ALWAYS, *(as_logged if columns is None else columns)])
        wanted = {name: ds.field(as_logged[name]) for name in asked if name in as_logged}
        with ours("read", table):
            rows = opened.to_pyarrow_dataset().to_table(
                columns=wanted, filter=_condition(start, end, version)
            )
        return to_pandas(rows).sort_values(_TIME, kind="stable", ignore_index=True)

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
            StoreUnavailable: The store does not answer.
        """
        table = _table(model)
        opened = self._folder.find(table)
        if opened is None:
            return 0
        with ours("read", table):
            found: int = opened.to_pyarrow_dataset().count_rows(
                filter=_condition(start, end, version)
            )
        return found


class _Rows:
    """Frames on their way into a table, each made while the one before it is written.

    They are made on a thread of their own: the writer asks for them on a thread of its runtime,
    on which nothing may be read through that runtime.
    """

    def __init__(self, frames: Iterable[pd.DataFrame], attempt: Attempt, **constants: str) -> None:
        self._frames = iter(frames)
        self._constants = constants
        self.attempt = attempt
        self.written = 0
        self.error: Exception | None = None

    def first(self, table: str) -> pa.Table | None:
        """The first rows as the table keeps them, or None when there are none."""
        self._table = table
        frame = next(self._frames, None)
        if frame is None:
            return None
        self._frames = chain([frame], self._frames)
        return self._arrow(frame)

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Every row, then the attempt's check.

        What goes wrong is kept, since the writer forgets all but its words.
        """
        with ThreadPoolExecutor(max_workers=1) as maker:
            try:
                made = maker.submit(next, self._frames, None)
                while (frame := made.result()) is not None:
                    made = maker.submit(next, self._frames, None)
                    self.written += len(frame)
                    yield from self._arrow(frame).select(schema.names).cast(schema).to_batches()
                maker.submit(self.attempt.check).result()
            except Exception as error:
                self.error = error
                raise

    def _arrow(self, frame: pd.DataFrame) -> pa.Table:
        return to_arrow(frame.assign(**self._constants), table=self._table)


def _table(model: str) -> str:
    return f"{model}/scores"


def _condition(start: datetime | None, end: datetime | None, version: int | None) -> Any:
    conditions = [ds.field(_TIME).is_valid()]
    if start is not None:
        conditions.append(ds.field(_TIME) >= pa.scalar(start))
    if end is not None:
        conditions.append(ds.field(_TIME) < pa.scalar(end))
    if version is not None:
        conditions.append(ds.field("version") == version)
    whole = conditions[0]
    for condition in conditions[1:]:
        whole &= condition
    return whole


def _days(first: pd.Timestamp, last: pd.Timestamp) -> Iterator[date]:
    day = first.to_pydatetime().astimezone(UTC).date()
    while day <= last.to_pydatetime().astimezone(UTC).date():
        yield day
        day += timedelta(days=1)
