"""A batch model's scores as a Delta table: a partition is replaced in one commit.

Monitoring reads it like the prediction log of a model that has a server.
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

from slipway.adapters.delta_tables.column_types import check_column_types, to_arrow, to_pandas
from slipway.adapters.delta_tables.delta_errors import translate_errors
from slipway.adapters.delta_tables.fencing import check_fencing_token
from slipway.adapters.delta_tables.table_dataset import open_dataset
from slipway.adapters.delta_tables.tables_folder import TablesFolder, data_files
from slipway.errors import CommitConflict
from slipway.records.attempts import Attempt
from slipway.stages.ports.scores import ScoredPartition

_PARTITION = "_partition"
_FEATURES = "_features"
_OWN = (_PARTITION, _FEATURES)
_TIME = "event_time"
_ALWAYS = (_TIME, "version")
_AS_LOGGED = {"received_at": "scored_at"}
_ROW_GROUP_ROWS = 100_000


class ScoreTable:
    """Fulfils scoring's `Scores`, and `PredictionLog`.

    Args:
        root: Root of the store: a local folder, or `s3://bucket/prefix`.
    """

    def __init__(self, root: str) -> None:
        self._folder = TablesFolder(root)

    def held(self, model: str) -> dict[str, ScoredPartition]:
        """Return the features and the model version of each partition, from file statistics."""
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
        """Replace a partition's rows in one commit; return how many there are now.

        Args:
            model: Name of the model.
            partition: Name of the partition.
            frames: Rows of the partition, in chunks that are written as they are read.
            features: Fingerprint of the features that were scored.
            features_version: Version of the features' table; a fencing token, too.
            attempt: Attempt that commits; its number is the fencing token.

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
        check_column_types(schema, kept, table=table)
        fences = {attempt.ref.folder: attempt.number, f"features/{partition}": features_version}
        for writer, number in fences.items():
            check_fencing_token(current, writer=writer, number=number, table=table)
        with translate_errors("write", table):
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
                hint="a retry reads its rows and can commit",
            ) from error
        except DeltaError:
            # The error of the rows is more precise than the writer's, and quotes no value.
            if rows.error is not None:
                raise rows.error from None
            raise

    def days(self, model: str) -> list[date]:
        """Return the days of event time, UTC, that the span of any file covers, oldest first."""
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
        """Return rows whose event time lies in [start, end), ordered by it.

        A column that the table lacks is left out; `received_at` is when a row was scored.

        Args:
            model: Name of the model.
            start: First moment of event time; None: from the beginning.
            end: End of event time, exclusive; None: to the end.
            version: Model version; None: all.
            columns: Columns beside event_time and version; None: all.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        table = _table(model)
        opened = self._folder.find(table)
        if opened is None:
            return pd.DataFrame({name: [] for name in dict.fromkeys([*_ALWAYS, *(columns or ())])})
        held = [name for name in pa.schema(opened.schema()).names if name not in _OWN]
        as_logged = {**{name: name for name in held}, **_AS_LOGGED}
        asked = dict.fromkeys([*_ALWAYS, *(as_logged if columns is None else columns)])
        wanted = {name: ds.field(as_logged[name]) for name in asked if name in as_logged}
        with translate_errors("read", table):
            condition = _condition(start, end, version)
            rows = open_dataset(opened, condition).to_table(columns=wanted, filter=condition)
        return to_pandas(rows).sort_values(_TIME, kind="stable", ignore_index=True)

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
            StoreUnavailable: The store does not answer.
        """
        table = _table(model)
        opened = self._folder.find(table)
        if opened is None:
            return 0
        with translate_errors("read", table):
            condition = _condition(start, end, version)
            found: int = open_dataset(opened, condition).count_rows(filter=condition)
        return found


class _Rows:
    """Frames to write, each computed while the one before it is written.

    They are computed on a thread of their own: the writer requests them on a thread of its
    runtime, on which nothing may be read through that runtime.
    """

    def __init__(self, frames: Iterable[pd.DataFrame], attempt: Attempt, **constants: str) -> None:
        self._frames = iter(frames)
        self._constants = constants
        self.attempt = attempt
        self.written = 0
        self.error: Exception | None = None

    def first(self, table: str) -> pa.Table | None:
        """Return the first frame in the table's types, or None if there is none."""
        self._table = table
        frame = next(self._frames, None)
        if frame is None:
            return None
        self._frames = chain([frame], self._frames)
        return self._arrow(frame)

    def batches(self, schema: pa.Schema) -> Iterator[pa.RecordBatch]:
        """Yield all rows, then check the attempt.

        An error is kept in `error`, since the writer keeps only its message.
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
