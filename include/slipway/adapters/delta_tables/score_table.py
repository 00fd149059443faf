"""A batch model's scores as a Delta table: a partition is replaced in one commit.

Monitoring reads it like the prediction log of a model that has a server.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta

import pandas as pd
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Transaction, WriterProperties, write_deltalake
from deltalake.exceptions import CommitFailedError, DeltaError

from slipway.adapters.delta_tables.column_types import check_column_types, to_pandas
from slipway.adapters.delta_tables.delta_errors import translate_errors
from slipway.adapters.delta_tables.fencing import check_fencing_token
from slipway.adapters.delta_tables.rows_to_write import RowsToWrite
from slipway.adapters.delta_tables.sample_dataset import sample_dataset, scan
from slipway.adapters.delta_tables.scores_as_logged import (
    FEATURES,
    KEY,
    PARTITION,
    TIME,
    as_logged,
    in_window,
    no_rows,
)
from slipway.adapters.delta_tables.table_dataset import open_dataset
from slipway.adapters.delta_tables.tables_folder import TablesFolder, data_files
from slipway.errors import CommitConflict
from slipway.records.attempts import Attempt
from slipway.stages.ports.prediction_log import SampledRows
from slipway.stages.ports.scores import ScoredPartition

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
            files[f"partition.{PARTITION}"],
            files[f"min.{FEATURES}"],
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
            RowsToWrite(frames, attempt, **{PARTITION: partition, FEATURES: features}),
        )
        current = self._folder.find(table)
        first = rows.first(table)
        if current is None:
            if first is None:
                return 0
            current = self._folder.create(table, first.schema, partition_by=[PARTITION])
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
        rows: RowsToWrite,
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
                predicate=f"{PARTITION} = '{partition}'",
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
                for first, last in zip(files[f"min.{TIME}"], files[f"max.{TIME}"], strict=True)
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
            return no_rows(columns)
        wanted = as_logged(opened, columns)
        with translate_errors("read", table):
            condition = in_window(start, end, version)
            rows = open_dataset(opened, condition).to_table(columns=wanted, filter=condition)
        return to_pandas(rows).sort_values(TIME, kind="stable", ignore_index=True)

    def stream(
        self,
        model: str,
        start: datetime | None = None,
        end: datetime | None = None,
        *,
        version: int | None = None,
        columns: Sequence[str] | None = None,
    ) -> Iterator[pd.DataFrame]:
        """Yield the rows that `read` returns in batches, by file; see the port.

        Args:
            model: Name of the model.
            start: First moment of event time; None: from the beginning.
            end: End of event time, exclusive; None: to the end.
            version: Model version; None: all.
            columns: Columns beside event_time, version and key; None: all.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        table = _table(model)
        opened = self._folder.find(table)
        if opened is None:
            return
        wanted = {**as_logged(opened, columns), **KEY}
        condition = in_window(start, end, version)
        with translate_errors("read", table):
            for batch in scan(open_dataset(opened, condition), condition, wanted).to_batches():
                yield to_pandas(pa.Table.from_batches([batch]))

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

        A key has one row, in one partition: scoring sees to it.

        Args:
            model: Name of the model.
            start: First moment of event time; None: from the beginning.
            end: End of event time, exclusive; None: to the end.
            rows: Largest sample.
            seed: Seed of the sample; the order of files does not change it.
            version: Model version; None: all.
            columns: Columns beside event_time and version; None: all.

        Raises:
            StoreUnavailable: The store does not answer.
        """
        table = _table(model)
        opened = self._folder.find(table)
        if opened is None:
            return SampledRows.of(no_rows(columns))
        wanted = as_logged(opened, columns)
        with translate_errors("read", table):
            condition = in_window(start, end, version)
            found = sample_dataset(
                open_dataset(opened, condition), condition, {**wanted, **KEY}, rows=rows, seed=seed
            )
        kept = [name for name in found.rows if name in wanted]
        return dataclasses.replace(found, rows=found.rows[kept])

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
            condition = in_window(start, end, version)
            found: int = open_dataset(opened, condition).count_rows(filter=condition)
        return found


def _table(model: str) -> str:
    return f"{model}/scores"


def _days(first: pd.Timestamp, last: pd.Timestamp) -> Iterator[date]:
    day = first.to_pydatetime().astimezone(UTC).date()
    while day <= last.to_pydatetime().astimezone(UTC).date():
        yield day
        day += timedelta(days=1)
